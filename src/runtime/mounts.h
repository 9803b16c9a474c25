#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// What mounting needs to know beside the mount.
struct MountContext {
    const sys::RootDirectory& root;
    const model::oci::Config& config;
    std::string bundle; ///< Relative sources of bind mounts begin here.
    std::string cgroup; ///< The container's, for mounts of type cgroup without a cgroup namespace.
    bool own_cgroup_namespace = false;
};

/// Makes one mount of config.json. Its place is resolved in the root and held by a descriptor; the file system is put together
/// detached and then attached onto that descriptor.
Status make_mount(const MountContext& context, const model::oci::Mount& mount);

bool is_cgroup_mount(const model::oci::Mount& mount);

} // namespace nova::runtime
