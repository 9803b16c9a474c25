#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// One side of a clone: in the child pid is 0 and there is no pidfd.
struct Cloned {
    pid_t pid = 0;
    UniqueFd pidfd;
};

/// Splits the process (raw clone3): returns twice. Only for a process with one thread. The child shares nothing with us but
/// open descriptors, and must leave by exec or _exit: its destructors are ours.
/// `flags`: CLONE_NEW*, CLONE_PARENT. `cgroup`: directory of cgroup2 to be born in, or -1.
/// Errors: as clone3(2).
Result<Cloned> clone_process(std::uint64_t flags, int cgroup = -1);

/// Whether we are in the user namespace that the kernel started with. Only there a process of root's may come back to any
/// namespace that it left.
bool is_in_first_user_namespace(); ///< The first answer is kept: not to be asked after moving to another one.
bool is_in_first_cgroup_namespace();

/// Enters one namespace (setns). `type`: CLONE_NEW*, which the descriptor must be; or with a pidfd, a set of them.
Status enter_namespace(int fd, int types);

/// Leaves for new namespaces (unshare).
Status leave_namespaces(int types);

/// Ends the process without running destructors or flushing streams: for the child of clone_process.
[[noreturn]] void exit_now(int code);

} // namespace nova::sys
