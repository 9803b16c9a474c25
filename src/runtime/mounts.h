#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// What mounting needs to know beside the mount.
struct MountContext {
    sys::RootDirectory& root;
    const model::oci::Config& config;
    std::string bundle;                         ///< Relative sources of bind mounts begin here.
    const std::vector<sys::UniqueFd>& prepared; ///< Of prepare_mounts.
    std::string cgroup;                         ///< The container's, for mounts of type cgroup without a cgroup namespace.
    bool own_cgroup_namespace = false;
};

/// Makes the mount of that index in config.json. Its place is resolved in the root and held by a descriptor; the file system is
/// put together detached and then attached onto that descriptor.
Status make_mount(const MountContext& context, std::size_t index);

/// Bind mounts with mapped ids, attached nowhere; as many entries as config.mounts, empty where there is nothing to prepare.
/// For the parent: a container's own user namespace may not map the host's files.
Result<std::vector<sys::UniqueFd>> prepare_mounts(const model::oci::Config& config, const std::string& bundle);

bool is_cgroup_mount(const model::oci::Mount& mount);

} // namespace nova::runtime
