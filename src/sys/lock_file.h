#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

/// Makes the file where absent and holds an exclusive flock(2) on it until the descriptor is closed, also by the process's end.
/// The file stays: removing it would let a third process lock another file of the same name.
/// Errors: failed_precondition - somebody else holds it; else as open(2).
base::Result<UniqueFd> lock_file(const std::string& path);

} // namespace nova::sys
