#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

/// The kernel's own words about processes, and writes to them, where somebody else may have mounted what he likes.
namespace nova::sys {

using base::Result;
using base::Status;

/// /proc of the mount namespace that we are in: to be opened before another one is joined, in which it may be anything.
/// Errors: failed_precondition - what lies there is no procfs, or only a part of one.
Result<UniqueFd> open_proc();

/// Our own directory in it. It may be asked for from within any namespace.
/// Errors: invalid_argument (EXDEV) - something is mounted over it; not_found - that procfs knows nothing of us.
Result<UniqueFd> open_proc_self(int proc);

/// Reads a file of our own directory. Errors: invalid_argument (EXDEV) - something is mounted over it; as read(2).
Result<std::string> read_proc_self(int proc_self, const std::string& path);

/// Writes a file of our own directory. Errors: invalid_argument (EXDEV) - something is mounted over it; as write(2).
Status write_proc_self(int proc_self, const std::string& path, std::string_view text);

/// Writes a file below sys/. Hosts that are containers themselves mount parts of it anew: they must be of a procfs.
/// Errors: failed_precondition - something else is mounted there; as openat2(2) and write(2).
Status write_proc_sys(int proc, const std::string& path, std::string_view text);

} // namespace nova::sys
