#pragma once

#include <sys/types.h>

#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// How a process ended.
struct ExitStatus {
    int code = 0;   ///< 0 where a signal ended it.
    int signal = 0; ///< 0 where it ended by itself.

    bool success() const { return code == 0 && signal == 0; }
    int as_exit_code() const { return signal != 0 ? 128 + signal : code; } ///< As a shell tells it.
    bool operator==(const ExitStatus&) const = default;
};

/// "exit code 3", "signal 9 (killed)".
std::string to_string(const ExitStatus& status);

/// pidfd_open(2): a handle that means this process for ever, never another that got its number. Readable (poll) once it ended.
/// Errors: not_found - there is none.
Result<UniqueFd> open_pidfd(pid_t pid);

/// Errors: not_found - it has ended and was reaped.
Status signal_pidfd(int pidfd, int signal);

/// Reaps our child. nullopt: the deadline passed first (a Deadline of 0 only looks).
/// Errors: failed_precondition - it is not our child, or was reaped before.
Result<std::optional<ExitStatus>> wait_pidfd(int pidfd, base::Deadline deadline);

/// How a process ended that was not our child, once its parent has reaped it: the kernel keeps that as long as somebody held a
/// pidfd from before (PIDFD_GET_INFO, Linux 6.15). Waits for the reaping until the deadline; in a poll loop, POLLHUP tells it.
/// Empty: it was not reaped yet. Errors: unimplemented, not_found and the like - nobody can know any more.
Result<std::optional<ExitStatus>> exit_of_stranger(int pidfd, base::Deadline deadline);

/// True for a child of ours that was not reaped yet.
bool is_child(int pidfd);

/// True once the process has ended. Takes no time.
bool has_ended(int pidfd);

/// The number that a handle stands for, in our pid namespace (/proc/self/fdinfo). Errors: not_found - it has ended.
Result<pid_t> pid_of(int pidfd);

/// When a process started, in clock ticks since boot (field 22 of /proc/PID/stat): with the boot id it tells a pid from its
/// later reuse. Errors: not_found.
Result<unsigned long long> start_ticks(pid_t pid);

/// A name of this boot (/proc/sys/kernel/random/boot_id).
Result<std::string> boot_id();

/// Orphans below us become our children (PR_SET_CHILD_SUBREAPER).
Status become_subreaper();

/// A child of ours that has ended and waits to be reaped. Does not reap it.
std::optional<pid_t> find_zombie();

/// Throws away a zombie's status.
void reap(pid_t pid);

} // namespace nova::sys
