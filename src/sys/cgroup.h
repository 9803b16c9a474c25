#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// How the host's cgroups lie under /sys/fs/cgroup.
enum class CgroupLayout {
    none,
    legacy,  ///< Version 1, or hybrid: a directory per controller.
    unified, ///< Version 2 alone.
};
CgroupLayout cgroup_layout();

/// Controllers that are there, as version 1 names them; on version 2 those that may be enabled: "memory", "pids", "cpu", ...
std::vector<std::string> cgroup_controllers();

/// Where version 1 has a controller mounted: "/sys/fs/cgroup/memory".
std::string hierarchy_directory(std::string_view controller);
bool has_hierarchy(const std::string& controller); ///< It is mounted there.

/// One cgroup: a directory in version 2, one per controller in version 1. It outlives the handle.
class Cgroup {
public:
    /// Controllers that a cgroup of ours always has, where the host has them.
    static const std::vector<std::string>& usual_controllers();

    /// Makes what is missing of it. `path` is absolute below the hierarchy's root: "/nova-1a2b/pod.default.web". Made directories
    /// are taken back on failure.
    /// Errors: failed_precondition - processes live in it already; permission_denied; unimplemented - no cgroups here.
    static Result<Cgroup> create(const std::string& path, const std::vector<std::string>& controllers);

    /// One that somebody else made (systemd) for us to use: on version 1 it is made in the hierarchies where it is missing.
    static Result<Cgroup> adopt(const std::string& path, const std::vector<std::string>& controllers);

    /// A handle of one that may or may not be there.
    static Cgroup at(const std::string& path, const std::vector<std::string>& controllers);

    const std::string& path() const { return path_; }
    CgroupLayout layout() const { return layout_; }
    bool has(std::string_view controller) const; ///< It takes part and can be written.

    /// Version 2's files: everywhere on a host of version 2; on a hybrid one where only that hierarchy has the controller.
    bool is_unified(std::string_view controller) const;

    /// Takes part in more controllers, with all its processes. Accepts those that it has. Errors: as create.
    Status extend(const std::vector<std::string>& controllers);

    /// One file of a controller: "memory", "memory.limit_in_bytes".
    /// Errors: unimplemented - the controller is not there; not_found - no such file; as write(2).
    Status write(std::string_view controller, const std::string& file, std::string_view text) const;
    Result<std::string> read(std::string_view controller, const std::string& file) const;
    /// For several writes to one file: opening it costs more than writing. Errors: as write().
    Result<UniqueFd> open_for_writing(std::string_view controller, const std::string& file) const;
    bool has_file(std::string_view controller, const std::string& file) const;

    /// Version 2: the directory, for a process to be born in. Empty on version 1.
    Result<UniqueFd> open_directory() const;

    /// Version 1: handles through which a process joins (join_cgroups). Empty on version 2.
    Result<std::vector<UniqueFd>> open_tasks() const;

    /// How many processes the kernel killed in it for want of memory.
    /// Errors: not_found - the group is gone; unimplemented - no memory controller.
    Result<std::uint64_t> oom_kills() const;

    Status add_process(pid_t pid) const;

    /// Pids in it and below it. Absence gives none.
    Result<std::vector<pid_t>> processes() const;

    /// Sends SIGKILL to all in it and below, until none is left. Errors: deadline_exceeded.
    Status kill_all(base::Deadline deadline) const;
    Status signal_all(int signal) const;

    /// Stops every process in it from running. Errors: unimplemented - no freezer; deadline_exceeded.
    Status freeze(base::Deadline deadline) const;
    Status thaw(base::Deadline deadline) const;
    bool frozen() const;

    /// Removes it where no process and no other cgroup is in it, without looking into it first: each look costs as much as the
    /// removal. Says whether it is gone.
    bool remove_if_empty() const;

    /// Removes it with all below it; waits for dying processes. Accepts absence. Errors: deadline_exceeded - still in use.
    Status remove(base::Deadline deadline) const;

    /// Removes what create() had to make, in the directories above it too, where nobody else is in them by now.
    void remove_made() const;

    /// Where it is mounted for this controller; empty where it takes no part.
    std::string directory(std::string_view controller) const;

private:
    struct Place {
        std::string controller; ///< Empty on version 2.
        std::string directory;
        CgroupLayout layout = CgroupLayout::legacy; ///< Of this hierarchy: on a hybrid host some are of version 2.
    };
    void add_place(const std::string& controller);
    Cgroup(std::string path, CgroupLayout layout) : path_(std::move(path)), layout_(layout) {}
    Status make_directories_of(std::vector<std::string>& made) const;

    std::string path_;
    CgroupLayout layout_;
    std::vector<Place> places_;
    std::vector<std::string> made_; ///< By create(), those above first.
};

/// Version 1: the calling process, which must have one thread, joins by itself. Unlike a write of its pid by another process
/// this takes no global lock and waits for no grace period of the kernel (10 ms saved).
Status join_cgroups(const std::vector<UniqueFd>& tasks);

} // namespace nova::sys
