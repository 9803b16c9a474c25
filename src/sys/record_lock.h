#pragma once

#include <string>

#include "base/result.h"

namespace nova::sys {

/// True where another process holds a POSIX record lock (fcntl(2)) on the file, as a daemon does on its pid file as long as it
/// lives. False for a file that is not there. Errors: as open(2).
base::Result<bool> is_locked_by_another(const std::string& path);

} // namespace nova::sys
