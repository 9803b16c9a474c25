#include "runtime/seccomp_profile.h"

#include <algorithm>
#include <cerrno>

#include "sys/seccomp.h"
#include "sys/seccomp_ranges.h"

namespace nova::runtime {

using base::Code;
using base::Error;
using base::Status;
namespace oci = model::oci;

namespace {

sys::SeccompSource source_of(const oci::Seccomp& profile)
{
    sys::SeccompSource source;
    source.default_action = profile.default_action;
    source.default_errno_return = profile.default_errno_return;
    source.architectures = profile.architectures;
    for (const auto& rule : profile.syscalls) {
        sys::SeccompCall call{rule.names, rule.action, rule.errno_return, {}};
        for (const auto& argument : rule.args)
            call.comparisons.push_back({argument.index, argument.op, argument.value, argument.value_two});
        source.calls.push_back(std::move(call));
    }
    return source;
}

Result<unsigned> flags_of(const oci::Seccomp& profile)
{
    unsigned flags = 0;
    for (const auto& name : profile.flags)
        flags |= TRY(sys::parse_seccomp_flag(name).context("linux.seccomp.flags"));
    return flags;
}

bool allows(std::string_view action) { return action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG"; }

/// Profiles name calls that are newer than this libseccomp. Where the default denies, one that is left out is denied as well;
/// where it allows, a call that was to be denied would be allowed.
Status check_unknown_calls(const oci::Seccomp& profile, const std::vector<std::string>& unknown)
{
    if (!allows(profile.default_action))
        return base::done();
    for (std::size_t i = 0; i < profile.syscalls.size(); ++i)
        for (const auto& name : profile.syscalls[i].names)
            if (!allows(profile.syscalls[i].action) && std::find(unknown.begin(), unknown.end(), name) != unknown.end())
                return Error{Code::invalid_argument, "linux.seccomp.syscalls[" + std::to_string(i) +
                                                         "].names: unknown system call \"" + name.substr(0, 60) +
                                                         "\" would stay allowed"};
    return base::done();
}

/// As runc has it. A tracer is asked about calls that are newer than itself, and answers for them.
bool hides_newer_calls(const oci::Seccomp& profile)
{
    bool const already = profile.default_action == "SCMP_ACT_ERRNO" && profile.default_errno_return == ENOSYS;
    return !allows(profile.default_action) && profile.default_action != "SCMP_ACT_TRACE" && !already;
}

Status check_listener(const oci::Seccomp& profile)
{
    if (profile.default_action == "SCMP_ACT_NOTIFY")
        return Error{Code::invalid_argument, "linux.seccomp.defaultAction: must not be SCMP_ACT_NOTIFY"};
    if (profile.listener_path.empty() && !profile.listener_metadata.empty())
        return Error{Code::invalid_argument, "linux.seccomp.listenerMetadata: needs a listenerPath"};
    if (notifies(profile) && profile.listener_path.empty())
        return Error{Code::invalid_argument, "linux.seccomp.listenerPath: is needed for SCMP_ACT_NOTIFY"};
    for (const auto& rule : profile.syscalls)
        if (rule.action == "SCMP_ACT_NOTIFY" && std::find(rule.names.begin(), rule.names.end(), "sendmsg") != rule.names.end())
            return Error{Code::invalid_argument, "linux.seccomp.syscalls: SCMP_ACT_NOTIFY for sendmsg, by which the listener is "
                                                 "handed over, would wait for itself"};
    return base::done();
}

} // namespace

bool notifies(const oci::Seccomp& profile)
{
    return std::any_of(profile.syscalls.begin(), profile.syscalls.end(),
                       [](const auto& rule) { return rule.action == "SCMP_ACT_NOTIFY"; });
}

bool knows_whole(SeccompCache& cache, std::string_view text)
{
    const auto* const found = cache.find(text);
    return found && !found->wants_listener; // Where it goes, and with which words, is in the text.
}

Result<SeccompFilter> compile_profile(const oci::Seccomp& profile, SeccompCache& cache)
{
    if (const auto* const kept = cache.find(profile.source))
        return *kept;
    if (profile.is_known)
        return Error{Code::internal, "linux.seccomp: was known, and is no longer"};
    SeccompFilter filter;
    filter.flags = TRY(flags_of(profile));
    filter.wants_listener = !profile.listener_path.empty();
    TRY(check_listener(profile));
    if (filter.wants_listener)
        filter.flags |= sys::seccomp_listener_flag();
    else
        filter.flags &= ~sys::seccomp_flag_for_listeners();
    auto program = TRY(sys::compile_seccomp(source_of(profile)).context("linux.seccomp"));
    TRY(check_unknown_calls(profile, program.unknown_calls));
    filter.code = sys::shorten_seccomp(program.code);
    if (hides_newer_calls(profile))
        filter.code = sys::without_newer_calls(filter.code, program.newest);
    cache.keep(profile.source, filter);
    return filter;
}

} // namespace nova::runtime
