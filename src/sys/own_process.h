#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

/// Settings of the calling process, which its later program inherits. Only for processes with one thread.
namespace nova::sys {

using base::Result;
using base::Status;

/// Every descriptor from `first` up gets close-on-exec.
Status close_on_exec_from(unsigned first);

/// How many of the `count` descriptors from 3 on our caller has left to us, up to the last one that is there. What is not there
/// before that is taken, and not given to programs: so nothing of ours comes to lie among them. At most `count` calls of the
/// kernel for each.
Result<unsigned> claim_left_descriptors(unsigned count);

/// Closes every descriptor from `first` up that is not in `kept`.
void close_all_but(unsigned first, std::vector<int> kept);

/// `signal` is sent to us when the process that made us ends; 0: none.
Status set_parent_death_signal(int signal);

/// Others with our user id may (not) look into our memory and descriptors through /proc.
enum class Dumpable { no, yes };
Status set_dumpable(Dumpable dumpable);

Status set_no_new_privileges();
Status set_oom_score(int proc_self, int score);
Status set_hostname(const std::string& name);
Status set_domainname(const std::string& name);
Status new_session();

/// Makes a terminal our controlling one. Needs a session without one.
Status take_terminal(int terminal);

enum class Groups { set, keep };
Status set_user(uid_t uid, gid_t gid, const std::vector<std::uint32_t>& groups, Groups change);

/// `type`: "RLIMIT_NOFILE". Errors: invalid_argument - unknown; permission_denied - above the hard limit.
Status set_rlimit(std::string_view type, std::uint64_t soft, std::uint64_t hard);
bool is_rlimit(std::string_view type);

/// A new, empty session keyring of that name. Errors: unimplemented where the kernel has none.
Status join_new_keyring(const std::string& name);

/// `domain`: PER_LINUX, PER_LINUX32.
Status set_personality(unsigned long domain);

struct SchedulerSettings {
    std::string policy;
    int nice = 0;
    int priority = 0;
    std::vector<std::string> flags;
    std::optional<std::uint64_t> runtime;
    std::optional<std::uint64_t> deadline;
    std::uint64_t period = 0;
};
/// Each check_ tells what its set_ would refuse whatever the kernel and the caller's rights are. Errors: invalid_argument.
Status check_scheduler(const SchedulerSettings& settings);
Status set_scheduler(const SchedulerSettings& settings);
Status check_io_priority(std::string_view io_class, int priority);
Status set_io_priority(std::string_view io_class, int priority);

/// "0-3,5". Errors: invalid_argument.
Status check_cpu_list(std::string_view cpus);
Status set_cpu_affinity(std::string_view cpus);
/// All CPUs that our cgroup has.
Status reset_cpu_affinity();

/// mode: MPOL_*; nodes "0-1".
Status check_memory_policy(std::string_view mode, std::string_view nodes, const std::vector<std::string>& flags);
Status set_memory_policy(std::string_view mode, std::string_view nodes, const std::vector<std::string>& flags);
std::vector<std::string_view> known_memory_modes();
std::vector<std::string_view> known_memory_flags();

/// Replaces the program. `path` as execve(2) takes it. Returns only on failure.
base::Error execute(const std::string& path, const std::vector<std::string>& argv, const std::vector<std::string>& env);

} // namespace nova::sys
