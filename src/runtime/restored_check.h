#pragma once

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/cgroup.h"

namespace nova::runtime {

struct RestoredProcesses {
    std::string rootfs;
    pid_t first = 0;                     ///< The container's first process.
    pid_t criu = 0;                      ///< It and its helpers are in the cgroup too.
    const sys::Cgroup* cgroup = nullptr; ///< Of all of them. Null: only the first is looked at.
};

/// Looks at processes that came out of a checkpoint and do not run yet: they may have no more than the configuration allows.
/// Errors: failed_precondition - names the process and what it has.
base::Status check_restored(const model::oci::Config& config, const RestoredProcesses& processes);

} // namespace nova::runtime
