#pragma once

#include "base/result.h"
#include "runtime/readiness.h"
#include "sys/pidfd.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;

/// Waits for a process of ours, passing on to it the signals we get, and, where `terminal` (its master) is there, what is typed
/// and shown between our own terminal, which is raw meanwhile, and its. A service manager hears when it is ready.
Result<sys::ExitStatus> follow_process(int pidfd, const sys::UniqueFd& terminal, Readiness& readiness);

/// For a terminal (its master) that follow_process() will pass on: it leaves line ends as they are. Ours makes of them what it
/// wants, and a file or pipe gets what was written. Before anything is written.
void keep_line_ends(const sys::UniqueFd& terminal);

} // namespace nova::runtime
