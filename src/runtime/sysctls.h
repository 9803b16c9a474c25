#pragma once

#include "base/result.h"
#include "model/oci_config.h"

namespace nova::runtime {

/// linux.sysctl: only what belongs to a namespace that the container has of its own, and is not set by a field of its own.
/// Errors: invalid_argument - it would change the host, or name it twice.
base::Status check_sysctls(const model::oci::Config& config);

/// Writes them through the host's /proc, before the container's root is entered: nothing inside can redirect it.
base::Status apply_sysctls(const model::oci::Linux& config, int host_proc);

} // namespace nova::runtime
