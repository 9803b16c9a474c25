#pragma once

#include <string>

#include "base/result.h"
#include "runtime/globals.h"

namespace nova::runtime {

using base::Status;

enum class Force {
    no,  ///< Only a stopped container.
    yes, ///< Any; a running one is killed. Absence is fine.
};

/// Removes a container: all its processes, cgroup, record; runs the poststop hooks.
/// Errors: not_found; failed_precondition - it is not stopped.
Status remove_container(const Globals& globals, const std::string& id, Force force);

} // namespace nova::runtime
