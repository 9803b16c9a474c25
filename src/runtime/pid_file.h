#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace nova::runtime {

/// A reader sees no file or a whole one. Not synced: the pid is worth nothing after a power loss.
base::Status write_pid_file(const std::string& path, pid_t pid);

} // namespace nova::runtime
