#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "runtime/state.h"

namespace nova::runtime {

/// All processes of a container: those in its cgroup, or without one, in the pid namespace of its first process.
/// Errors: failed_precondition - it has neither.
Result<std::vector<pid_t>> processes_of(const Record& record);

/// Sends a signal to each of them once, those that they make meanwhile included. Errors: as processes_of().
Status signal_processes(const Record& record, int signal);

/// Where the first process of a container that is to die stands still in another freezer (version 1) than the container's, it is
/// let run: else SIGKILL never reaches it.
void thaw_first_process(const Record& record);

} // namespace nova::runtime
