#include "sys/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/abort_guard_testing.h"
#include "sys/random.h"

namespace nova::sys {
namespace {

class FileTest : public testing::Test {
protected:
    FileTest() { TempDirectory(); }
    ~FileTest() override { (void)remove_tree(root); }
    void TempDirectory() { EXPECT_TRUE(make_directories(root).ok()); }

    std::string root = testing::TempDir() + "nova-file-" + random_hex(8);
    base::AbortGuard const guard{root};
};

TEST_F(FileTest, replaces_a_file_and_leaves_no_temporary)
{
    ASSERT_TRUE(write_file_atomically(root + "/a", "one").ok());
    ASSERT_TRUE(write_file_atomically(root + "/a", "two").ok());
    EXPECT_EQ(read_file(root + "/a").value(), "two");
    EXPECT_EQ(list_directory(root).value(), std::vector<std::string>{"a"});
}

TEST_F(FileTest, replaces_a_file_without_the_disk_and_leaves_no_temporary)
{
    ASSERT_TRUE(replace_file(root + "/a", "one").ok());
    ASSERT_TRUE(replace_file(root + "/a", "two").ok());
    EXPECT_TRUE(sync_file(root + "/a").ok());
    EXPECT_TRUE(base::failed_with(sync_file(root + "/b"), base::Code::not_found));
    EXPECT_EQ(read_file(root + "/a").value(), "two");
    EXPECT_EQ(list_directory(root).value(), std::vector<std::string>{"a"});
}

TEST_F(FileTest, sweeps_the_temporaries_that_killed_writers_left_and_nothing_else)
{
    std::vector<std::string> const others{"a", "a.new-", "a.new-0badcaf", "a.new-0badcafe.b", "a.new-0badcafg", "b.new-web:1"};
    for (const auto& name : others)
        ASSERT_TRUE(replace_file(root + "/" + name, "whole").ok());
    for (const auto* name : {"/a.new-0badcafe", "/b.new-00000000"})
        ASSERT_TRUE(replace_file(root + name, "half").ok());
    ASSERT_TRUE(sweep_temporaries(root).ok());
    EXPECT_EQ(list_directory(root).value(), others);
    EXPECT_TRUE(sweep_temporaries(root + "/absent").ok());
}

TEST_F(FileTest, removes_a_tree_but_not_what_a_link_points_to)
{
    ASSERT_TRUE(make_directories(root + "/tree/deep/er").ok());
    ASSERT_TRUE(write_file_atomically(root + "/kept", "x").ok());
    ASSERT_TRUE(make_directories(root + "/kept-directory").ok());
    ASSERT_EQ(::symlink((root + "/kept").c_str(), (root + "/tree/link").c_str()), 0);
    ASSERT_EQ(::symlink((root + "/kept-directory").c_str(), (root + "/tree/deep/link").c_str()), 0);
    ASSERT_TRUE(remove_tree(root + "/tree").ok());
    EXPECT_FALSE(exists(root + "/tree"));
    EXPECT_TRUE(exists(root + "/kept"));
    EXPECT_TRUE(exists(root + "/kept-directory"));
    EXPECT_TRUE(remove_tree(root + "/tree").ok()) << "absence is accepted";
}

TEST_F(FileTest, removes_a_tree_deeper_than_there_are_descriptors)
{
    auto const tree = root + "/tree";
    ASSERT_TRUE(make_directories(tree).ok());
    auto now = open_file(tree, O_RDONLY | O_DIRECTORY).value();
    for (int i = 0; i < 5000; ++i) {
        ASSERT_EQ(::mkdirat(now.get(), "d", 0700), 0);
        ASSERT_TRUE(open_at(now.get(), "f", O_WRONLY | O_CREAT, 0600).ok());
        now = open_at(now.get(), "d", O_RDONLY | O_DIRECTORY).value();
    }
    now.reset();
    auto const removed = remove_tree(tree);
    EXPECT_TRUE(removed.ok()) << removed.error().message().substr(0, 200);
    EXPECT_FALSE(exists(tree));
}

TEST_F(FileTest, refuses_a_file_that_is_too_long)
{
    ASSERT_TRUE(write_file_atomically(root + "/a", std::string(100, 'x')).ok());
    EXPECT_EQ(read_file(root + "/a", 99).error().code(), base::Code::resource_exhausted);
    EXPECT_EQ(read_file(root + "/none").error().code(), base::Code::not_found);
}

TEST(Random, makes_uuids_of_version_four)
{
    auto const uuid = random_uuid();
    EXPECT_EQ(uuid.size(), 36u);
    EXPECT_EQ(uuid[14], '4');
    EXPECT_NE(uuid, random_uuid());
}

} // namespace
} // namespace nova::sys
