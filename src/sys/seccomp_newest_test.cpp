#include <errno.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#include "sys/seccomp.h"
#include "sys/seccomp_decision.h"
#include "sys/seccomp_ranges.h"

namespace nova::sys {
namespace {

constexpr std::uint32_t x64 = AUDIT_ARCH_X86_64;
constexpr std::uint32_t x86 = AUDIT_ARCH_I386;
constexpr std::uint32_t x32_bit = 0x40000000;
constexpr std::uint32_t missing = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t denied = SECCOMP_RET_ERRNO | EPERM;

class NewerCalls : public testing::Test {
protected:
    void SetUp() override
    {
#if !defined(__x86_64__)
        GTEST_SKIP() << "numbers of x86";
#endif
        source.default_action = "SCMP_ACT_ERRNO";
        source.calls.push_back({{"read", "pidfd_open", "no_such_call"}, "SCMP_ACT_ALLOW", {}, {}});
        source.calls.push_back({{"mkdir"}, "SCMP_ACT_ERRNO", {}, {}}); // What holds anyway is left out of the program.
    }

    /// The answer to a call of this number.
    std::uint32_t answer(std::uint32_t architecture, std::uint32_t number) const
    {
        auto const program = compile_seccomp(source);
        EXPECT_TRUE(program.ok());
        seccomp_data data{};
        data.arch = architecture;
        data.nr = static_cast<int>(number);
        return decide(without_newer_calls(shorten_seccomp(program.value().code), program.value().newest), data);
    }

    SeccompSource source;
};

TEST_F(NewerCalls, do_not_exist_and_older_ones_are_denied)
{
    EXPECT_EQ(answer(x64, SYS_read), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(x64, SYS_mkdir), denied);
    EXPECT_EQ(answer(x64, SYS_pidfd_open - 1), denied);
    EXPECT_EQ(answer(x64, SYS_pidfd_open), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(x64, SYS_pidfd_open + 1), missing);
    EXPECT_EQ(answer(x64, 1000), missing);
    EXPECT_EQ(answer(x64, x32_bit - 1), missing);
}

TEST_F(NewerCalls, count_also_where_the_newest_one_named_is_denied)
{
    source.calls.push_back({{"openat2"}, "SCMP_ACT_ERRNO", {}, {}});
    EXPECT_EQ(answer(x64, SYS_openat2), denied);
    EXPECT_EQ(answer(x64, SYS_openat2 + 1), missing);
}

TEST_F(NewerCalls, are_counted_for_each_architecture)
{
    EXPECT_EQ(answer(x86, 1000), SECCOMP_RET_KILL_THREAD) << "not one of the profile's";
    EXPECT_EQ(answer(x64, x32_bit + 1000), SECCOMP_RET_KILL_THREAD);
    source.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    source.calls.push_back({{"waitpid"}, "SCMP_ACT_ALLOW", {}, {}}); // x86 alone has it.
    EXPECT_EQ(answer(x86, 7), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(x86, 39), denied) << "its mkdir";
    EXPECT_EQ(answer(x86, 1000), missing);
    EXPECT_EQ(answer(x64, x32_bit + SYS_read), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(x64, x32_bit + SYS_mkdir), denied);
    EXPECT_EQ(answer(x64, x32_bit + 1000), missing);
    EXPECT_EQ(answer(x64, UINT32_MAX), denied) << "what a tracer puts in the place of a call";
}

TEST_F(NewerCalls, are_left_alone_where_no_call_is_named)
{
    source.calls.clear();
    EXPECT_EQ(answer(x64, 1000), denied);
}

} // namespace
} // namespace nova::sys
