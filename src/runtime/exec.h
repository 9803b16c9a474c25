#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "runtime/globals.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;

/// One more process in a running container.
struct ExecRequest {
    std::string id;
    model::oci::Process process;
    std::string console_socket;
    std::string pid_file;
    std::string pidfd_socket; ///< Unix socket that takes its pidfd. Empty: none.
    bool attached = true;     ///< We stay, and pass a terminal's bytes on ourselves.
    bool ignore_paused = false;
    unsigned preserve_fds = 0;
    std::vector<std::string> cgroups; ///< As open_entry_cgroup() takes them.
};

struct Executed {
    sys::UniqueFd pidfd;
    sys::UniqueFd terminal; ///< Its master, where we stay attached and it has one.
    /// Why its program, or its working directory, cannot be used; then the process has ended. not_found - there is no program.
    std::optional<base::Error> unfit;
};

/// Starts it; returns when its program took over.
/// Errors: not_found; failed_precondition - the container does not run, or is paused.
Result<Executed> execute_in(const Globals& globals, const ExecRequest& request);

} // namespace nova::runtime
