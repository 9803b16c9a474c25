#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/abort_guard_testing.h"
#include "storage/rootfs.h"
#include "storage/test_archives.h"
#include "sys/random.h"

namespace nova::storage {
namespace {

using base::Code;

class Users : public testing::Test {
protected:
    void SetUp() override
    {
        test::write_text(root + "/etc/passwd",
                         "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n\nbroken\nodd:x:many:1::/:\n"
                         "0815:x:77:78::/:\n");
        test::write_text(root + "/etc/group", "root:x:0:\nstaff:x:50:app,other\naudio:x:29:other\nvideo:x:44:app\nbad:x::app\n");
    }
    void TearDown() override { std::filesystem::remove_all(root); }

    std::string root = testing::TempDir() + "nova-users-" + sys::random_hex(8);
    base::AbortGuard const guard{root};
};

TEST_F(Users, are_found_by_name_with_their_groups)
{
    auto const app = resolve_user(root, "app").value();
    EXPECT_EQ(app.uid, 1000u);
    EXPECT_EQ(app.gid, 1001u);
    EXPECT_EQ(app.groups, (std::vector<std::uint32_t>{50, 44}));
    EXPECT_EQ(resolve_user(root, "0815").value().uid, 77u) << "a name goes before a number";
}

TEST_F(Users, may_be_numbers_that_nobody_knows)
{
    EXPECT_EQ(resolve_user(root, "").value().uid, 0u);
    EXPECT_EQ(resolve_user(root, "4000").value().uid, 4000u);
    EXPECT_EQ(resolve_user(root, "4000").value().gid, 0u);
    EXPECT_EQ(resolve_user(root, "1000").value().gid, 1001u);
    EXPECT_EQ(resolve_user(root, "4000:5000").value().gid, 5000u);
    EXPECT_EQ(resolve_user(root, "2147483647").value().uid, 2147483647u);
    std::filesystem::remove_all(root + "/etc");
    EXPECT_EQ(resolve_user(root, "4000").value().uid, 4000u) << "without any file too";
}

TEST_F(Users, with_a_group_get_that_one_alone)
{
    auto const app = resolve_user(root, "app:staff").value();
    EXPECT_EQ(app.gid, 50u);
    EXPECT_TRUE(app.groups.empty());
}

TEST_F(Users, that_do_not_exist_are_refused)
{
    EXPECT_EQ(resolve_user(root, "nobody").error().code(), Code::not_found);
    EXPECT_EQ(resolve_user(root, "app:nogroup").error().code(), Code::not_found);
    for (const char* bad : {":staff", "app:", "odd", "2147483648", "99999999999999999999"})
        EXPECT_EQ(resolve_user(root, bad).error().code(), Code::invalid_argument) << bad;
    EXPECT_FALSE(resolve_user(root, "-1").ok());
    EXPECT_FALSE(resolve_user(root, "+1").ok());
}

TEST_F(Users, are_never_read_from_outside_of_the_root)
{
    auto const outside = root + "-outside";
    test::write_text(outside, "evil:x:0:0::/:\n");
    std::filesystem::remove(root + "/etc/passwd");
    std::filesystem::create_symlink(outside, root + "/etc/passwd");
    EXPECT_EQ(resolve_user(root, "evil").error().code(), Code::not_found) << "a link is taken as if the root were /";
    std::filesystem::remove(root + "/etc/passwd");
    std::filesystem::create_symlink("../../../../../../.." + outside, root + "/etc/passwd");
    EXPECT_EQ(resolve_user(root, "evil").error().code(), Code::not_found);
    std::filesystem::remove(outside);
}

TEST_F(Users, cannot_make_us_wait_or_read_for_ever)
{
    std::filesystem::remove(root + "/etc/passwd");
    ASSERT_EQ(::mkfifo((root + "/etc/passwd").c_str(), 0600), 0);
    EXPECT_EQ(resolve_user(root, "app").error().code(), Code::invalid_argument);
    std::filesystem::remove(root + "/etc/passwd");
    test::write_text(root + "/etc/passwd", std::string(2u << 20, '\n') + "app:x:1:1::/:\n");
    EXPECT_EQ(resolve_user(root, "app").error().code(), Code::resource_exhausted);
    std::filesystem::remove(root + "/etc/passwd");
    std::filesystem::create_symlink("passwd", root + "/etc/passwd");
    EXPECT_FALSE(resolve_user(root, "app").ok());
}

} // namespace
} // namespace nova::storage
