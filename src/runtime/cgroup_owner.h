#pragma once

#include "model/oci_config.h"
#include "sys/cgroup.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// Version 2: makes the user of the container's program the owner of its cgroup and of those files in it that the kernel lists as
/// safe to hand out, where the program sees the cgroup as a root of its own, and may write there: so a systemd inside can make
/// cgroups. Else nothing. config-linux.md, "Cgroup ownership".
Status give_cgroup_away(const sys::Cgroup& group, const model::oci::Config& config);

} // namespace nova::runtime
