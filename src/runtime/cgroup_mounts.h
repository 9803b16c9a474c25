#pragma once

#include <string>
#include <vector>

#include "model/oci_config.h"
#include "runtime/state.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// What mounts of type cgroup show of a container's place.
struct CgroupView {
    const Record& record;
    bool own_namespace = false;
    std::string memberships; ///< /proc/self/cgroup before the namespace was made: where it begins. Empty: no bind mounts.
};

/// Options of a mount that are the file system's own: key, value (or "").
using MountData = std::vector<std::pair<std::string, std::string>>;

/// Whether what /proc/self/cgroup says may be bound from the host's mounts, before the namespace is made: that shows what a mount
/// of the namespace's own shows, of the same file system, and is made faster. Not from inside a user namespace, which may not
/// copy what others mounted; nor where the caller is in a namespace of cgroups already, whose host's mounts may show more than it
/// has.
bool may_bind_hierarchies(const model::oci::Config& config);

/// The container's own part of a hierarchy, attached nowhere. `attributes`: MOUNT_ATTR_*.
struct Hierarchy {
    std::string name; ///< Of its directory: "memory".
    sys::UniqueFd tree;
};
Result<std::vector<Hierarchy>> open_hierarchies(const CgroupView& view, std::uint64_t attributes); ///< Version 1.
/// Version 2. Errors: also invalid_argument - the kernel does not know an option.
Result<sys::UniqueFd> open_unified(const CgroupView& view, std::uint64_t attributes, const MountData& data);

} // namespace nova::runtime
