#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sys/device_access.h"
#include "sys/file.h"
#include "sys/namespace.h"
#include "sys/pidfd.h"
#include "sys/random.h"

namespace nova::sys {
namespace {

std::string cgroup2_root()
{
    for (const char* const path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        struct statfs status {};
        if (::statfs(path, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC)
            return path;
    }
    return {};
}

/// Bit 0: /dev/null opens for reading; 1: for writing; 2: /dev/zero opens for reading.
int usable_devices(int cgroup)
{
    auto const child = clone_process(0, cgroup);
    if (child.value().pid == 0) {
        int seen = ::open("/dev/null", O_RDONLY) >= 0 ? 1 : 0;
        seen |= ::open("/dev/null", O_WRONLY) >= 0 ? 2 : 0;
        seen |= ::open("/dev/zero", O_RDONLY) >= 0 ? 4 : 0;
        exit_now(seen);
    }
    return wait_pidfd(child.value().pidfd.get(), base::Deadline::never()).value()->code;
}

TEST(DeviceFilter, lets_the_last_matching_rule_decide_and_denies_the_rest)
{
    auto const root = cgroup2_root();
    if (root.empty() || ::geteuid() != 0)
        GTEST_SKIP() << "needs root and cgroup version 2";
    auto const path = root + "/nova-test-" + random_hex(8);
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
    auto const directory = open_file(path, O_RDONLY | O_DIRECTORY).value();
    EXPECT_EQ(usable_devices(directory.get()), 7);
    auto const attached = attach_device_filter(
        directory.get(), {{.allow = false},
                          {.allow = true, .type = 'c', .major = 1, .minor = 3},
                          {.allow = false, .type = 'c', .major = 1, .minor = 3, .read = false, .write = true, .make = false}});
    EXPECT_TRUE(attached.ok()) << (attached.ok() ? "" : attached.error().message());
    EXPECT_EQ(usable_devices(directory.get()), 1);
    ::rmdir(path.c_str());
}

TEST(DeviceFilter, takes_the_place_of_the_one_before)
{
    auto const root = cgroup2_root();
    if (root.empty() || ::geteuid() != 0)
        GTEST_SKIP() << "needs root and cgroup version 2";
    auto const path = root + "/nova-test-" + random_hex(8);
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
    auto const directory = open_file(path, O_RDONLY | O_DIRECTORY).value();
    for (bool const allow : {false, true, false}) {
        EXPECT_TRUE(attach_device_filter(directory.get(), {{.allow = allow}}).ok());
        EXPECT_EQ(usable_devices(directory.get()), allow ? 7 : 0);
    }
    ::rmdir(path.c_str());
}

} // namespace
} // namespace nova::sys
