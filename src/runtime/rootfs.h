#pragma once

#include <string>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// pivot_root(2), or, where the host's root is an initramfs, moving the mount (--no-pivot).
enum class RootSwitch { pivot, move };

/// Cuts the calling process's mount namespace, which must be its own, off from the host's, and puts a copy of the tree at
/// `rootfs` there as a mount. What is mounted later is seen by nobody else.
Result<sys::RootDirectory> open_rootfs(const std::string& rootfs, const model::oci::Config& config);

/// Makes it "/", with the propagation that the configuration asks for.
Status enter_rootfs(const sys::RootDirectory& root, const model::oci::Config& config, const std::string& rootfs, RootSwitch how);

/// root.readonly
Status make_rootfs_read_only(const sys::RootDirectory& root);

} // namespace nova::runtime
