#pragma once

#include <functional>
#include <string>

#include "runtime/criu.h"
#include "runtime/state.h"

namespace nova::runtime {

/// What of a container is made already when its processes are restored.
struct RestorePlan {
    const model::oci::Config& config;
    const Record& record;
    const CriuSettings& images;
    const sys::Cgroup* cgroup = nullptr;
    std::string directory;      ///< Of its record: takes the place where its root is mounted meanwhile.
    std::string console_socket; ///< Empty: the terminal is given back.
};

struct Restored {
    pid_t pid = 0;
    sys::UniqueFd pidfd;
    sys::UniqueFd terminal;
};

/// Lets criu make the processes as our children's children, and looks before they run whether they are what the configuration
/// allows: a checkpoint comes from a stranger. `on_namespaces` is called when the namespaces are made, with the first pid.
/// Errors: invalid_argument, permission_denied - the images; failed_precondition - what came out is not what the configuration
/// says; criu's own.
Result<Restored> restore_processes(const Globals& globals, const RestorePlan& plan,
                                   const std::function<Status(pid_t)>& on_namespaces);

} // namespace nova::runtime
