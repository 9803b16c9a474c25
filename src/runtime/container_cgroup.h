#pragma once

#include <optional>

#include "runtime/globals.h"
#include "runtime/scope.h"
#include "runtime/state.h"
#include "sys/cgroup.h"

namespace nova::runtime {

/// The cgroup of a container that is being made: by us, by systemd, or none, where the caller wants none or may make none.
class ContainerCgroup {
public:
    /// Notes in the record where it shall lie, before anything is made.
    /// Errors: invalid_argument - linux.cgroupsPath.
    static Status plan(const Globals& globals, const model::oci::Config& config, Record& record);

    /// Its process joins it by itself, whenever it is told where: version 1 without systemd. Only for what plan() has planned.
    static bool is_joined_late(const Globals& globals, const Record& record);

    /// Makes it with all its limits, and notes in the record what became of it. Where it may not be made (rootless), and nothing
    /// is to be limited, there is none, and a warning says so.
    Status make(const Globals& globals, const model::oci::Config& config, Record& record);

    /// Empty: none.
    const std::optional<sys::Cgroup>& group() const { return group_; }

    /// When the container's first process is in it.
    Status settle(const Globals& globals, const model::oci::Config& config);

    void take_back();

private:
    Status make_group(const Globals& globals, const model::oci::Config& config, Record& record);
    Status set_limits(const Globals& globals, const model::oci::Config& config) const;

    std::optional<sys::Cgroup> group_;
    std::optional<Scope> scope_;
};

/// Ends all that runs in the container's cgroup, and takes it away, its unit of systemd too. Accepts absence.
Status remove_cgroup(const Globals& globals, const Record& record, base::Deadline deadline);

/// Whose systemd keeps the containers of this caller.
SystemdKind systemd_kind(const Globals& globals);

} // namespace nova::runtime
