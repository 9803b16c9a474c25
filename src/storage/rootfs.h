#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace nova::storage {

using base::Result;
using base::Status;

/// A capsule's root: an overlay of the image's layers, with a writable directory on top that lives as long as the capsule.
/// `directory` holds upper/ work/ and the mount point rootfs/.
/// Repeatable: mounts only where it is not mounted already.
/// Errors: not_found - a layer is missing; resource_exhausted - more layers than the kernel takes.
Result<std::string> ensure_rootfs(const std::string& directory, const std::vector<std::string>& layer_directories);

/// Unmounts and removes the whole directory. Accepts absence.
Status remove_rootfs(const std::string& directory);

/// Unmounts only: what the capsule wrote stays for its next start. Accepts absence.
Status unmount_rootfs(const std::string& directory);

struct User {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;
};

/// What "nobody", "1000", "app:staff" mean in a root, read from its /etc/passwd and /etc/group without following a link out of
/// it. Errors: not_found - no such user or group; invalid_argument - neither a name nor a number below 2^31.
Result<User> resolve_user(const std::string& rootfs, const std::string& user);

} // namespace nova::storage
