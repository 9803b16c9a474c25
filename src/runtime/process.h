#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "runtime/globals.h"
#include "runtime/seccomp_profile.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// Does what the specification asks of a process can be told before anything is made: capabilities and limits by name.
/// Unknown capabilities are named in `warnings` and left out.
Status check_process(const model::oci::Process& process, std::vector<std::string>& warnings);

/// A capability that is not inheritable and permitted can't be ambient, and is left out. Engines ask for ambient ones and for
/// none inheritable all the time (podman's build at each step, in whose output a warning would stand): of that the log file alone
/// is told.
void tell_of_refused_ambient(const Globals& globals, const model::oci::Process& process);

/// Tells of capabilities that are wished for and can't be given: outside a user namespace none that we lack ourselves.
void warn_of_capabilities(const model::oci::Process& process, std::vector<std::string>& warnings);

/// What every process of the container has, the first and those that enter later: its personality and its memory policy.
Status take_on_character(const model::oci::Linux& config);

/// Where the program lies, as execvp(3) finds it, in the present root. Errors, which name it: not_found, permission_denied.
Result<std::string> find_executable(const model::oci::Process& process);

/// What of the process is still to be set once it is in its root, right before its program takes over.
struct ProcessPlan {
    const model::oci::Process& process;
    const SeccompFilter* seccomp = nullptr;
    std::string executable;
    std::vector<std::string> env; ///< With HOME.
    int proc_self = -1;           ///< The host's /proc/self, opened before the root was entered.
    unsigned preserve_fds = 0;    ///< Descriptors from 3 on that stay open.
    bool new_keyring = true;
    std::string keyring;
    bool in_user_namespace = false;
    bool keep_groups = false; ///< The additional groups of whoever called us stay.
    /// Takes the seccomp listener, where the filter asks for one.
    Status (*send_listener)(void* context, const sys::UniqueFd& listener) = nullptr;
    void* listener_context = nullptr;
};

/// Gives up all that the process shall not have, but for confine_process.
Status settle_process(const ProcessPlan& plan);

/// Landlock and seccomp of a process without new privileges; others have them from settle_process, while they may load them.
/// From here on our own calls too must be among the allowed: what is left is the program.
Status confine_process(const ProcessPlan& plan);

/// The process becomes its program. Returns only on failure.
Status execute_program(const ProcessPlan& plan);

/// What podman asks for by an annotation, so that files of the caller's groups stay within reach.
bool wants_original_groups(const model::oci::Config& config);

/// env with HOME as /etc/passwd of the present root says, where it is not there or empty, and without repetitions.
std::vector<std::string> with_home(std::vector<std::string> env, std::uint32_t uid);

/// Of stdin, stdout and stderr those that are the host's /dev/null become that of the present root: a file of the host's would
/// tie the process to it, and no checkpoint could hold it.
Status take_own_null_device();

/// stdin, stdout and stderr become this terminal, which becomes the controlling one.
Status use_terminal(const sys::UniqueFd& slave);

} // namespace nova::runtime
