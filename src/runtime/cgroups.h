#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/cgroup.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// Who makes cgroups.
enum class CgroupManager { cgroupfs, systemd, disabled };

/// Where the container's cgroup lies: linux.cgroupsPath, or "/<id>". "slice:prefix:name" becomes "/slice/prefix-name.scope".
/// Errors: invalid_argument - it leaves the hierarchy.
Result<std::string> cgroup_path(const model::oci::Config& config, const std::string& id);

/// Controllers that the container takes part in: the usual ones and those that its resources name.
std::vector<std::string> wanted_controllers(const model::oci::Resources& resources);

/// Sets every limit that is given. Nothing is changed for one that is not.
/// Errors: unimplemented, permission_denied - names the limit whose controller is not there or can't be written.
Status apply_resources(const sys::Cgroup& cgroup, const model::oci::Resources& resources);

/// The same for a container that runs: all of them, or none where one fails, or `then`.
Status change_resources(const sys::Cgroup& cgroup, const model::oci::Resources& resources, const std::function<Status()>& then);

/// Denies every device but those the rules and the specification's default allow. Without a devices controller: nothing where
/// rules do not matter (no rule given), an error elsewhere.
Status apply_device_rules(const sys::Cgroup& cgroup, const std::vector<model::oci::DeviceRule>& rules);

} // namespace nova::runtime
