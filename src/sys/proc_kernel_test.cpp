#include "sys/proc.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "base/abort_guard_testing.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/resolve.h"

namespace nova::sys {
namespace {

namespace fs = std::filesystem;

/// In a mount namespace of its own, in which anything may lie over /proc. Needs root.
class Proc : public testing::Test {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root";
        ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_NEWUTS), 0);
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr), 0);
        write_file_atomically(fake, "untouched").value();
    }
    void TearDown() override
    {
        for (auto place = covered.rbegin(); place != covered.rend(); ++place)
            (void)::umount2(place->c_str(), MNT_DETACH);
        fs::remove(fake);
    }

    void cover(const std::string& place, const std::string& with)
    {
        bool const is_new = with == "tmpfs";
        ASSERT_EQ(::mount(with.c_str(), place.c_str(), is_new ? "tmpfs" : nullptr, is_new ? 0 : MS_BIND, nullptr), 0) << place;
        covered.push_back(place);
    }

    std::string fake = (fs::temp_directory_path() / ("nova-proc-" + random_hex(8))).string();
    std::vector<std::string> covered;
    base::AbortGuard const guard{fake};
};

TEST_F(Proc, is_the_root_of_a_procfs_or_an_error)
{
    EXPECT_TRUE(open_proc().ok());
    cover("/proc", "/proc/sys");
    EXPECT_EQ(open_proc().error().message(), "/proc is not the root of a procfs");
    cover("/proc", "tmpfs");
    EXPECT_EQ(open_proc().error().message(), "/proc is not the kernel's procfs");
}

TEST_F(Proc, knows_who_we_are_and_takes_words_about_us_over_no_other_mount)
{
    auto const proc = open_proc().value();
    auto const self = open_proc_self(proc.get()).value();
    EXPECT_TRUE(write_proc_self(self.get(), "comm", "renamed").ok());
    EXPECT_EQ(read_file("/proc/self/comm").value(), "renamed\n");
    cover("/proc", "tmpfs");
    EXPECT_TRUE(write_proc_self(open_proc_self(proc.get()).value().get(), "comm", "again").ok()) << "what was held is still it";
    EXPECT_FALSE(write_proc_self(self.get(), "root/proc/self/comm", "outside").ok()) << "over a magic link";
    EXPECT_FALSE(write_proc_self(self.get(), "../self/comm", "outside").ok());
}

TEST_F(Proc, is_not_left_on_the_way_to_a_file)
{
    auto const proc = open_proc().value();
    EXPECT_TRUE(open_on_one_mount(proc.get(), "sys/kernel/domainname", O_RDONLY).ok());
    cover("/proc/sys/kernel/domainname", "/proc/sys/kernel/hostname");
    EXPECT_EQ(open_on_one_mount(proc.get(), "sys/kernel/domainname", O_RDONLY).error().errnum(), EXDEV);
}

TEST_F(Proc, is_told_of_sysctls_and_nobody_else_is)
{
    auto const proc = open_proc().value();
    ASSERT_TRUE(write_proc_sys(proc.get(), "kernel/domainname", "first").ok());
    cover("/proc/sys/kernel/domainname", fake);
    auto const refused = write_proc_sys(proc.get(), "kernel/domainname", "second");
    EXPECT_EQ(refused.error().message(), "/proc/sys/kernel/domainname is not the kernel's procfs");
    EXPECT_EQ(read_file(fake).value(), "untouched");
    EXPECT_FALSE(write_proc_sys(proc.get(), "../sys/kernel/hostname", "second").ok());
    EXPECT_FALSE(write_proc_sys(proc.get(), "kernel/../../self/comm", "second").ok());
}

} // namespace
} // namespace nova::sys
