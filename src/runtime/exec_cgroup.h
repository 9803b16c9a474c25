#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/state.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// Where a process that enters a container takes its place.
struct EntryCgroup {
    sys::UniqueFd directory;          ///< Version 2: to be born in.
    std::vector<sys::UniqueFd> tasks; ///< Version 1: to join.
};

/// Does `exec --cgroup`'s values can be told before anything is looked at: none may lead out of the container's cgroup.
Status check_sub_cgroups(const std::vector<std::string>& wishes);

/// `wishes`: of `exec --cgroup`, each "PATH" below the container's cgroup, or, version 1, "CONTROLLER[,CONTROLLER]:PATH". On
/// version 1 a path without controllers counts where it is there, and must be somewhere. None: the container's own cgroup.
/// Errors: invalid_argument - an unknown controller; not_found - no such cgroup.
Result<EntryCgroup> open_entry_cgroup(const Record& record, const std::vector<std::string>& wishes);

} // namespace nova::runtime
