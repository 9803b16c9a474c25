#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace nova::runtime {

using base::Result;

/// The options of a mount as the kernel's interface takes them.
struct MountOptions {
    std::uint64_t set = 0; ///< MOUNT_ATTR_* of this mount.
    std::uint64_t clear = 0;
    std::uint64_t recursive_set = 0; ///< Of this mount and those below it (rro, rnosuid, ...).
    std::uint64_t recursive_clear = 0;
    std::uint64_t propagation = 0; ///< MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE; 0: not said.
    bool recursive_propagation = false;
    bool bind = false;
    bool recursive_bind = false;
    bool remount = false; ///< Change what is mounted there already.
    bool copy_up = false; ///< tmpcopyup: fill a tmpfs with what lies below it.
    bool id_mapped = false;
    bool recursive_id_mapped = false;
    bool source_no_follow = false; ///< The source may be a symbolic link and is not followed.
    bool target_no_follow = false; ///< "dest-nofollow": a link at the destination is covered, and not followed.
    std::vector<std::pair<std::string, std::string>> data; ///< For the file system itself: key, value (or "").
};

/// Errors: invalid_argument - an option contradicts itself (an empty key).
Result<MountOptions> parse_mount_options(const std::vector<std::string>& options);

/// Those that parse_mount_options takes itself; what else stands there is the file system's.
std::vector<std::string> known_mount_options();

} // namespace nova::runtime
