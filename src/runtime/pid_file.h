#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// A reader sees no file or a whole one. Not synced: the pid is worth nothing after a power loss.
base::Status write_pid_file(const std::string& path, pid_t pid);

/// Connects to a unix socket (--pidfd-socket) and sends the handle of a process over it, as runc does.
base::Status send_pidfd(const std::string& socket_path, const sys::UniqueFd& pidfd);

} // namespace nova::runtime
