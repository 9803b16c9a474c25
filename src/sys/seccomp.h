#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/seccomp_newest.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// One filter for system calls, as libseccomp takes it; names are those of the OCI specification.
struct SeccompComparison {
    unsigned argument = 0;
    std::string op; ///< SCMP_CMP_EQ
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
};
struct SeccompCall {
    std::vector<std::string> names;
    std::string action; ///< SCMP_ACT_ALLOW
    std::optional<std::uint32_t> errno_return;
    std::vector<SeccompComparison> comparisons;
};
struct SeccompSource {
    std::string default_action;
    std::optional<std::uint32_t> default_errno_return;
    std::vector<std::string> architectures; ///< SCMP_ARCH_X86_64; the native one is always in.
    std::vector<SeccompCall> calls;
};

/// A filter in the kernel's byte code: an array of struct sock_filter.
/// Errors: invalid_argument - names the unknown action, operator or architecture. Calls that this libseccomp does not know are
/// passed over and named in `unknown_calls`.
struct SeccompProgram {
    std::string code;
    std::vector<std::string> unknown_calls;
    std::vector<NewestCall> newest; ///< Of each architecture of which it names a call.
};
Result<SeccompProgram> compile_seccomp(const SeccompSource& source);

/// "SECCOMP_FILTER_FLAG_LOG" to its bit. Errors: invalid_argument.
Result<unsigned> parse_seccomp_flag(std::string_view name);

/// Puts the filter on the calling process. The descriptor is the listener, where the flags ask for one (else empty).
/// Needs no_new_privs or CAP_SYS_ADMIN.
Result<UniqueFd> load_seccomp(const std::string& code, unsigned flags);
unsigned seccomp_listener_flag();
unsigned seccomp_flag_for_listeners(); ///< WAIT_KILLABLE_RECV, which the kernel refuses without a listener.

} // namespace nova::sys
