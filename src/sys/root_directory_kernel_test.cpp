#include "sys/root_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/abort_guard_testing.h"
#include "sys/file.h"
#include "sys/mount_api.h"
#include "sys/random.h"

namespace nova::sys {
namespace {

namespace fs = std::filesystem;
using Content = RootDirectory::Content;

/// A tree of directories in a mount namespace of its own. Needs root.
class MountsInARoot : public testing::Test {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root";
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr), 0);
        for (const char* const name : {"real/place/deep", "fake/place/deep"})
            fs::create_directories(directory / name);
        std::ofstream{directory / "fake/place/file"} << "the attacker's";
        root.emplace(open_file(directory.string(), O_PATH | O_DIRECTORY).value());
    }
    void TearDown() override
    {
        (void)::umount2((directory / "real/place").c_str(), MNT_DETACH);
        (void)::umount2((directory / "fake/place").c_str(), MNT_DETACH);
        fs::remove_all(directory);
    }

    void attach(const std::string& path, Content content, const std::string& text)
    {
        auto const tree = NewFilesystem::open("tmpfs").value().create(0).value();
        auto const file = open_at(tree.get(), "file", O_WRONLY | O_CREAT, 0644).value();
        write_all(file.get(), text).value();
        root->attach(tree, root->find(path).value(), path, content).value();
    }

    /// Whoever shares the tree does this from outside.
    void exchange() const
    {
        fs::rename(directory / "real", directory / "other");
        fs::rename(directory / "fake", directory / "real");
        fs::rename(directory / "other", directory / "fake");
    }

    std::string text(const std::string& path) const
    {
        auto const file = root->open(path, O_RDONLY);
        return file.ok() ? read_all(file.value().get()).value() : "none";
    }

    fs::path directory = fs::temp_directory_path() / ("nova-root-" + random_hex(8));
    std::optional<RootDirectory> root;
    base::AbortGuard const guard{[this] {
        for (const auto* const name : {"real/place", "fake/place"})
            (void)::umount2((directory / name).c_str(), MNT_DETACH);
        base::AbortGuard::remove(directory);
    }};
};

TEST_F(MountsInARoot, are_found_when_their_place_was_moved)
{
    attach("real/place", Content::ours, "ours");
    exchange();
    EXPECT_EQ(text("/real/./place/file"), "ours");
    EXPECT_TRUE(root->ensure_directory("/real/place/made/deeply").ok());
    EXPECT_TRUE(root->ensure_file("/real/place/made/file").ok());
    EXPECT_TRUE(fs::exists(directory / "fake/place/made/file")) << "in the mount, wherever it lies now";
    EXPECT_FALSE(fs::exists(directory / "real/place/made"));
    EXPECT_EQ(text("real/placebo"), "none") << "another name that begins alike";
}

TEST_F(MountsInARoot, that_lack_a_name_lack_it_whatever_lies_at_their_place_by_then)
{
    attach("real/place", Content::ours, "ours");
    std::ofstream{directory / "fake/place/more"} << "the attacker's";
    exchange();
    EXPECT_EQ(text("/real/place/more"), "none");
}

TEST_F(MountsInARoot, that_a_link_led_another_one_over_do_not_hide_what_lies_there)
{
    attach("real/place", Content::ours, "ours");
    fs::create_directory_symlink("real", directory / "alias");
    attach("alias", Content::strange, "theirs");
    fs::create_directory(directory / "real/place");
    std::ofstream{directory / "real/place/more"} << "theirs as well";
    EXPECT_EQ(text("real/place/more"), "theirs as well");
    (void)::umount2((directory / "real").c_str(), MNT_DETACH);
}

TEST_F(MountsInARoot, may_have_links_that_mean_the_root)
{
    attach("real/place", Content::ours, "ours");
    fs::create_symlink("/fake/place/file", directory / "real/place/absolute");
    fs::create_symlink("file", directory / "real/place/beside");
    EXPECT_EQ(text("/real/place/absolute"), "the attacker's");
    EXPECT_EQ(text("/real/place/beside"), "ours");
}

TEST_F(MountsInARoot, are_looked_up_anew_when_strangers_filled_them)
{
    attach("real/place", Content::strange, "theirs");
    EXPECT_EQ(text("real/place/file"), "theirs");
    EXPECT_FALSE(root->holds("real/place"));
    exchange();
    EXPECT_EQ(text("real/place/file"), "the attacker's");
}

TEST_F(MountsInARoot, are_no_longer_held_when_another_one_covers_them)
{
    attach("real/place", Content::ours, "first");
    EXPECT_TRUE(root->holds("/real/place"));
    attach("real/place", Content::strange, "second");
    EXPECT_EQ(text("real/place/file"), "second");
    EXPECT_FALSE(root->holds("real/place"));
    fs::create_directory_symlink("real", directory / "link");
    attach("real/place", Content::ours, "third");
    attach("link/place", Content::strange, "fourth"); // By another name.
    EXPECT_EQ(text("real/place/file"), "fourth");
    attach("real/place", Content::ours, "fifth");
    attach("real", Content::strange, "sixth");
    EXPECT_EQ(text("real/file"), "sixth");
    EXPECT_EQ(text("real/place/file"), "none") << "covered from above";
    (void)::umount2((directory / "real").c_str(), MNT_DETACH);
    while (::umount2((directory / "real/place").c_str(), MNT_DETACH) == 0) {
    }
}

} // namespace
} // namespace nova::sys
