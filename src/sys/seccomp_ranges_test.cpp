#include "sys/seccomp_ranges.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <random>

#include "sys/seccomp.h"
#include "sys/seccomp_decision.h"

namespace nova::sys {
namespace {

void expect_alike(const std::string& before, const std::string& after)
{
    std::mt19937 random{1};
    for (std::uint32_t const architecture : {0u + AUDIT_ARCH_X86_64, 0u + AUDIT_ARCH_I386, 0u + AUDIT_ARCH_AARCH64})
        for (std::uint32_t const base : {0u, 0x40000000u, 0x7ffffe00u, 0xfffffe00u})
            for (std::uint32_t number = 0; number < 512; ++number)
                for (int round = 0; round < 8; ++round) {
                    seccomp_data data{};
                    data.arch = architecture;
                    data.nr = static_cast<int>(base + number);
                    for (auto& argument : data.args)
                        argument = round == 0 ? 0 : round < 5 ? random() % 16 : (std::uint64_t{random()} << 32 | random());
                    ASSERT_EQ(decide(before, data), decide(after, data)) << architecture << " " << data.nr;
                }
}

std::string compiled(const SeccompSource& source)
{
    auto program = compile_seccomp(source);
    EXPECT_TRUE(program.ok());
    return program.ok() ? program.value().code : std::string{};
}

/// Many calls, some of which are decided by their arguments.
SeccompSource large()
{
    SeccompSource source;
    source.default_action = "SCMP_ACT_ERRNO";
    source.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    source.calls.push_back(
        {{"read",  "write", "open",   "close", "stat",   "fstat",  "lstat", "poll",  "lseek", "mmap",   "mprotect",
          "brk",   "ioctl", "access", "pipe",  "select", "mremap", "msync", "dup",   "dup2",  "pause",  "nanosleep",
          "alarm", "fork",  "vfork",  "exit",  "wait4",  "kill",   "uname", "fcntl", "flock", "fsync",  "getcwd",
          "chdir", "mkdir", "rmdir",  "creat", "link",   "unlink", "chmod", "chown", "umask", "getuid", "execve"},
         "SCMP_ACT_ALLOW",
         {},
         {}});
    source.calls.push_back({{"mount", "ptrace"}, "SCMP_ACT_KILL_PROCESS", {}, {}});
    for (std::uint64_t const value : {0, 8, 0x20000})
        source.calls.push_back({{"personality"}, "SCMP_ACT_ALLOW", {}, {{0, "SCMP_CMP_EQ", value, 0}}});
    source.calls.push_back({{"clone"}, "SCMP_ACT_ALLOW", {}, {{0, "SCMP_CMP_MASKED_EQ", 0x7e020000, 0}}});
    source.calls.push_back({{"setns"}, "SCMP_ACT_LOG", {}, {{1, "SCMP_CMP_GE", 3, 0}, {0, "SCMP_CMP_LT", 9, 0}}});
    return source;
}

TEST(ShortenedSeccomp, decides_as_before_and_is_shorter)
{
    auto const before = compiled(large());
    auto const after = shorten_seccomp(before);
    EXPECT_LT(after.size(), before.size()) << before.size() / 8 << " steps became " << after.size() / 8;
    expect_alike(before, after);
}

TEST(ShortenedSeccomp, keeps_a_whole_profile_that_depends_on_arguments)
{
    SeccompSource source;
    source.default_action = "SCMP_ACT_ALLOW";
    for (std::uint64_t value = 0; value < 40; ++value) // Their paths meet again: looking at each of them would take for ever.
        source.calls.push_back({{"socket"}, "SCMP_ACT_ERRNO", {}, {{0, "SCMP_CMP_EQ", 3 * value, 0}}});
    auto const before = compiled(source);
    expect_alike(before, shorten_seccomp(before));
}

std::string code_of(std::vector<sock_filter> steps)
{
    return {reinterpret_cast<const char*>(steps.data()), steps.size() * sizeof(sock_filter)};
}

TEST(ShortenedSeccomp, leaves_what_it_does_not_know_as_it_is)
{
    sock_filter const architecture{BPF_LD | BPF_W | BPF_ABS, 0, 0, 4};
    sock_filter const number{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0};
    sock_filter const allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    sock_filter const is_own{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, AUDIT_ARCH_X86_64};
    for (const auto& code : {
             std::string{}, std::string{"odd"}, code_of({architecture}), code_of({number, allow, allow, allow}),
             code_of({architecture, is_own, allow}),                                                        // Leads out.
             code_of({architecture, {BPF_JMP | BPF_JA, 0, 0, 0xffffffff}, allow}),                          // Leads out, far.
             code_of({architecture, is_own, number, {BPF_ALU | BPF_AND | BPF_K, 0, 0, 7}, allow, allow}),   // Masks the number.
             code_of({architecture, is_own, number, {BPF_JMP | BPF_JSET | BPF_K, 0, 0, 1}, allow, allow}),  // Asks for its bits.
             code_of({architecture, is_own, number, {BPF_ST, 0, 0, 0}, allow, allow, allow, allow, allow}), // Remembers it.
             code_of({architecture, is_own, architecture, number, allow, allow, allow, allow, allow, allow}), // Asks twice.
         })
        EXPECT_EQ(shorten_seccomp(code), code);
}

} // namespace
} // namespace nova::sys
