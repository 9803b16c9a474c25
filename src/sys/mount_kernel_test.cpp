#include "sys/mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>

#include "base/abort_guard_testing.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::sys {
namespace {

class MountTest : public testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        for (const char* name : {"/upper", "/work", "/target", "/source"})
            ASSERT_TRUE(make_directories(root + name).ok());
    }
    void TearDown() override
    {
        EXPECT_TRUE(ensure_unmounted(root + "/target").ok());
        EXPECT_TRUE(remove_tree(root).ok());
    }
    std::string make_layer(const std::string& path, const std::string& file)
    {
        EXPECT_TRUE(make_directories(path).ok());
        EXPECT_TRUE(write_file_atomically(path + "/" + file, path).ok());
        return path;
    }

    std::string root = testing::TempDir() + "nova-mount-" + random_hex(8);
    std::string target = root + "/target";
    base::AbortGuard const guard{[this] {
        (void)ensure_unmounted(target);
        base::AbortGuard::remove(root);
    }};
};

TEST_F(MountTest, stacks_layers_the_first_on_top)
{
    auto const below = make_layer(root + "/below", "same");
    auto const above = make_layer(root + "/above", "same");
    auto mount = Mount::overlay(target, {{above, below}, root + "/upper", root + "/work"});
    ASSERT_TRUE(mount.ok()) << mount.error().message();
    EXPECT_EQ(read_file(target + "/same").value(), above);
    EXPECT_TRUE(is_mounted(target).value());
    EXPECT_TRUE(std::move(mount).value().unmount().ok());
    EXPECT_FALSE(is_mounted(target).value());
}

TEST_F(MountTest, takes_many_layers_with_long_and_odd_paths)
{
    std::vector<std::string> layers;
    for (int i = 0; i < 200; ++i)
        layers.push_back(
            make_layer(root + "/" + std::string(200, 'l') + "/" + std::string(200, 'm') + ":, \\" + std::to_string(i),
                       "file" + std::to_string(i)));
    auto const mount = Mount::overlay(target, {layers, root + "/upper", root + "/work"});
    ASSERT_TRUE(mount.ok()) << mount.error().message();
    EXPECT_EQ(list_directory(target).value().size(), 200u);
}

TEST_F(MountTest, refuses_more_layers_than_the_kernel_takes)
{
    std::vector<std::string> const layers(501, root + "/source");
    EXPECT_EQ(Mount::overlay(target, {layers, root + "/upper", root + "/work"}).error().code(), base::Code::resource_exhausted);
    EXPECT_FALSE(is_mounted(target).value());
}

TEST_F(MountTest, ends_with_its_handle_unless_it_is_kept)
{
    {
        auto const mount = Mount::tmpfs(target, 1u << 20).value();
        EXPECT_TRUE(is_mounted(target).value());
    }
    EXPECT_FALSE(is_mounted(target).value());
    Mount::bind(root + "/source", target).value().keep();
    EXPECT_TRUE(is_mounted(target).value());
}

TEST_F(MountTest, takes_down_all_that_is_stacked_there_also_when_in_use)
{
    Mount::tmpfs(target, 1u << 20).value().keep();
    auto const user = open_file(target, O_RDONLY | O_DIRECTORY).value();
    Mount::tmpfs(target, 1u << 20).value().keep();
    EXPECT_TRUE(ensure_unmounted(target).ok());
    EXPECT_FALSE(is_mounted(target).value());
    EXPECT_TRUE(ensure_unmounted(target).ok()) << "accepts absence";
    EXPECT_TRUE(ensure_unmounted(root + "/none").ok());
}

} // namespace
} // namespace nova::sys
