#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "runtime/cgroup_mounts.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// What of a bind mount only the caller can do: the container's own user namespace may not enter the directories above its
/// source, and maps no ids of the host's files.
struct PreparedMount {
    sys::UniqueFd tree;           ///< What it shows, attached nowhere. Empty: the container's process makes it.
    sys::UniqueFd user_namespace; ///< For its mapped ids, where its source lies in the root and is only there later.
};

/// What mounting needs to know beside the mount.
struct MountContext {
    sys::RootDirectory& root;
    const model::oci::Config& config;
    std::string bundle;                         ///< Relative sources of bind mounts begin here.
    const std::vector<PreparedMount>& prepared; ///< Of prepare_mounts.
    const CgroupView& cgroups;                  ///< For mounts of type cgroup.
};

/// Makes the mount of that index in config.json. Its place is resolved in the root and held by a descriptor; the file system is
/// put together detached and then attached onto that descriptor.
Status make_mount(const MountContext& context, std::size_t index);

/// For the parent: as many entries as config.mounts. A source inside `rootfs` is left to the container's process: it may be an
/// earlier mount, and what a stranger put there is not looked up with the caller's rights.
Result<std::vector<PreparedMount>> prepare_mounts(const model::oci::Config& config, const std::string& bundle,
                                                  const std::string& rootfs);

/// A destination that names its place by the rootfs's path on the host, as runc takes it too, becomes one in the container.
void strip_rootfs(model::oci::Config& config, const std::string& rootfs);

bool is_cgroup_mount(const model::oci::Mount& mount);

} // namespace nova::runtime
