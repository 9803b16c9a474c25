#include "sys/resolve.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/abort_guard_testing.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::sys {
namespace {

class ResolveTest : public testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(make_directories(root + "/tree/in").ok());
        ASSERT_TRUE(write_file_atomically(root + "/secret", "outside").ok());
        ASSERT_TRUE(write_file_atomically(root + "/tree/in/file", "inside").ok());
        std::filesystem::create_symlink("/in/file", root + "/tree/absolute");
        std::filesystem::create_symlink("../../secret", root + "/tree/in/up");
        std::filesystem::create_symlink("in", root + "/tree/way");
        tree = open_file(root + "/tree", O_RDONLY | O_DIRECTORY).value();
    }
    void TearDown() override { std::filesystem::remove_all(root); }

    std::string root = testing::TempDir() + "nova-resolve-" + random_hex(8);
    UniqueFd tree;
    base::AbortGuard const guard{root};
};

TEST_F(ResolveTest, takes_a_root_for_the_whole_world)
{
    EXPECT_EQ(read_all(open_in_root(tree.get(), "absolute", O_RDONLY).value().get()).value(), "inside");
    EXPECT_EQ(read_all(open_in_root(tree.get(), "/way/../../in/file", O_RDONLY).value().get()).value(), "inside");
    EXPECT_EQ(open_in_root(tree.get(), "in/up", O_RDONLY).error().code(), base::Code::not_found);
}

TEST_F(ResolveTest, goes_beneath_through_no_link)
{
    EXPECT_TRUE(open_beneath(tree.get(), "in/file", O_RDONLY).ok());
    for (const char* bad : {"way/file", "absolute", "in/up", "../secret", "/in/file", "in/../../secret"})
        EXPECT_EQ(open_beneath(tree.get(), bad, O_RDONLY).error().code(), base::Code::invalid_argument) << bad;
}

TEST_F(ResolveTest, makes_entries_by_single_names_only)
{
    auto const directory = Directory::open(root + "/tree").value();
    EXPECT_TRUE(directory.make_directory("new", 0700).ok());
    EXPECT_EQ(directory.make_directory("new", 0700).error().code(), base::Code::already_exists);
    EXPECT_EQ(directory.create_file("absolute").error().code(), base::Code::already_exists) << "follows no link";
    EXPECT_EQ(directory.kind_of("absolute").value(), FileKind::symlink);
    EXPECT_EQ(directory.kind_of("none").value(), std::nullopt);
    EXPECT_DEATH((void)directory.make_directory("in/other", 0700), "one name");
    EXPECT_DEATH((void)directory.create_file(".."), "one name");
}

} // namespace
} // namespace nova::sys
