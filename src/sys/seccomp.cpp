#include "sys/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "sys/file.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

struct FreeFilter {
    void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FreeFilter>;

Error unknown(std::string_view what, std::string_view name)
{
    return Error{Code::invalid_argument, "unknown seccomp " + std::string{what} + " \"" + std::string{name.substr(0, 60)} + "\""};
}

Result<std::uint32_t> action_of(std::string_view name, std::optional<std::uint32_t> data)
{
    auto const number = data.value_or(EPERM) & 0xffff;
    if (name == "SCMP_ACT_ALLOW")
        return std::uint32_t{SCMP_ACT_ALLOW};
    if (name == "SCMP_ACT_ERRNO")
        return std::uint32_t{SCMP_ACT_ERRNO(number)};
    if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD")
        return std::uint32_t{SCMP_ACT_KILL_THREAD};
    if (name == "SCMP_ACT_KILL_PROCESS")
        return std::uint32_t{SCMP_ACT_KILL_PROCESS};
    if (name == "SCMP_ACT_TRAP")
        return std::uint32_t{SCMP_ACT_TRAP};
    if (name == "SCMP_ACT_TRACE")
        return std::uint32_t{SCMP_ACT_TRACE(number)};
    if (name == "SCMP_ACT_LOG")
        return std::uint32_t{SCMP_ACT_LOG};
    if (name == "SCMP_ACT_NOTIFY")
        return std::uint32_t{SCMP_ACT_NOTIFY};
    return unknown("action", name);
}

Result<scmp_compare> comparison_of(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, scmp_compare>, 7> known{{{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                                              {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                                              {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                                              {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                                              {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                                              {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                                              {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}}};
    for (const auto& [text, op] : known)
        if (text == name)
            return scmp_compare{op};
    return unknown("operator", name);
}

Result<std::uint32_t> architecture_of(const std::string& name)
{
    // "SCMP_ARCH_X86_64" is "x86_64" to libseccomp.
    std::string text = name.substr(0, 10) == "SCMP_ARCH_" ? name.substr(10) : name;
    for (auto& character : text)
        character = static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
    auto const token = seccomp_arch_resolve_name(text.c_str());
    if (token == 0)
        return unknown("architecture", name);
    return std::uint32_t{token};
}

Status checked(int result, std::string_view doing)
{
    if (result < 0)
        return Error::from_errno(doing, -result);
    return base::done();
}

Status add_architectures(const Filter& filter, const std::vector<std::string>& names)
{
    for (const auto& name : names) {
        auto const result = seccomp_arch_add(filter.get(), TRY(architecture_of(name).context("architectures")));
        if (result == -EDOM) // Of the other byte order: nothing here can run its programs, and what is not listed is killed.
            continue;
        if (result != -EEXIST)
            TRY(checked(result, "seccomp: add architecture " + name));
    }
    return base::done();
}

/// Several comparisons of one argument mean "any of them" to the specification, which libseccomp takes as rules of their own.
bool same_argument_twice(const std::vector<scmp_arg_cmp>& comparisons)
{
    unsigned seen = 0;
    for (const auto& comparison : comparisons) {
        if ((seen >> comparison.arg & 1) != 0)
            return true;
        seen |= 1u << comparison.arg;
    }
    return false;
}

Status add_rule(const Filter& filter, std::uint32_t action, int number, const std::vector<scmp_arg_cmp>& comparisons)
{
    if (!same_argument_twice(comparisons))
        return checked(
            seccomp_rule_add_array(filter.get(), action, number, static_cast<unsigned>(comparisons.size()), comparisons.data()),
            "seccomp: add a rule");
    for (const auto& comparison : comparisons)
        TRY(checked(seccomp_rule_add_array(filter.get(), action, number, 1, &comparison), "seccomp: add a rule"));
    return base::done();
}

Status add_call(const Filter& filter, const SeccompCall& call, std::uint32_t default_action, SeccompProgram& program)
{
    auto const action = TRY(action_of(call.action, call.errno_return).context("action"));
    std::vector<scmp_arg_cmp> comparisons;
    for (const auto& wanted : call.comparisons) {
        auto const comparison = TRY(comparison_of(wanted.op).context("args"));
        comparisons.push_back({wanted.argument, comparison, wanted.value, wanted.value_two});
    }
    if (action == default_action)
        return base::done(); // libseccomp refuses a rule that says what holds anyway.
    for (const auto& name : call.names) {
        auto const number = seccomp_syscall_resolve_name(name.c_str());
        if (number == __NR_SCMP_ERROR)
            program.unknown_calls.push_back(name);
        else
            TRY(add_rule(filter, action, number, comparisons).context(name));
    }
    return base::done();
}

Result<std::string> byte_code(const Filter& filter)
{
    UniqueFd const file{::memfd_create("seccomp", MFD_CLOEXEC)};
    if (!file)
        return Error::from_errno("make a file in memory");
    TRY(checked(seccomp_export_bpf(filter.get(), file.get()), "seccomp: compile"));
    if (::lseek(file.get(), 0, SEEK_SET) < 0)
        return Error::from_errno("seek");
    return read_all(file.get());
}

/// x32's calls are the 64 bit ones with a bit of their own, and come to the filter as that architecture's.
constexpr std::uint32_t x32_bit = 0x40000000;

std::optional<NewestCall> newest_of(std::uint32_t token, const std::vector<SeccompCall>& calls)
{
    int newest = -1;
    for (const auto& call : calls)
        for (const auto& name : call.names)
            newest = std::max(newest, seccomp_syscall_resolve_name_arch(token, name.c_str()));
    if (newest < 0)
        return std::nullopt; // What has no number there has one below 0.
    return NewestCall{.architecture = token == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : token,
                      .number = static_cast<std::uint32_t>(newest),
                      .highest = token == SCMP_ARCH_X86_64 ? x32_bit - 1 : INT32_MAX};
}

Result<std::vector<NewestCall>> newest_calls(const SeccompSource& source)
{
    std::set<std::uint32_t> tokens{seccomp_arch_native()};
    for (const auto& name : source.architectures)
        tokens.insert(TRY(architecture_of(name)));
    std::vector<NewestCall> all;
    for (auto const token : tokens)
        if (auto const newest = newest_of(token, source.calls))
            all.push_back(*newest);
    return all;
}

} // namespace

Result<SeccompProgram> compile_seccomp(const SeccompSource& source)
{
    auto const default_action = TRY(action_of(source.default_action, source.default_errno_return).context("defaultAction"));
    Filter const filter{seccomp_init(default_action)};
    if (!filter)
        return Error{Code::invalid_argument, "seccomp: " + source.default_action + " can't be the default action"};
    TRY(checked(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp: ask for a binary tree"));
    TRY(checked(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 0), "seccomp: leave no_new_privs alone"));
    TRY(add_architectures(filter, source.architectures));
    SeccompProgram program;
    for (std::size_t i = 0; i < source.calls.size(); ++i) {
        auto added = add_call(filter, source.calls[i], default_action, program);
        if (!added.ok()) // The name is made only then: every start of a container passes here.
            return std::move(added).take_error().context("syscalls[" + std::to_string(i) + "]");
    }
    program.code = TRY(byte_code(filter));
    program.newest = TRY(newest_calls(source));
    return program;
}

/// Not in Debian 12's headers.
constexpr unsigned wait_killable = 1u << 5;

Result<unsigned> parse_seccomp_flag(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, unsigned>, 4> known{
        {{"SECCOMP_FILTER_FLAG_TSYNC", 0}, // One thread: nothing to do.
         {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
         {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
         {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", wait_killable}}};
    for (const auto& [text, flag] : known)
        if (text == name)
            return unsigned{flag};
    return unknown("flag", name);
}

unsigned seccomp_listener_flag() { return SECCOMP_FILTER_FLAG_NEW_LISTENER; }

unsigned seccomp_flag_for_listeners() { return wait_killable; }

Result<UniqueFd> load_seccomp(const std::string& code, unsigned flags)
{
    if (code.empty() || code.size() % sizeof(sock_filter) != 0 || code.size() / sizeof(sock_filter) > BPF_MAXINSNS)
        return Error{Code::invalid_argument, "seccomp: no filter of the kernel's form"};
    sock_fprog program{};
    program.len = static_cast<unsigned short>(code.size() / sizeof(sock_filter));
    program.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(code.data()));
    auto const result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (result < 0)
        return Error::from_errno("load the seccomp filter");
    if ((flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
        return UniqueFd{static_cast<int>(result)};
    return UniqueFd{};
}

} // namespace nova::sys
