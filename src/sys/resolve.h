#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;

/// openat2(2) as if `root` were "/": symbolic links and ".." stay inside. For reading a tree that a stranger wrote.
/// Errors: as openat2(2).
Result<UniqueFd> open_in_root(int root, const std::string& path, int flags, unsigned mode = 0);

/// The same for a path without symbolic links. Errors: invalid_argument (ELOOP) - there is one.
Result<UniqueFd> open_without_links(int root, const std::string& path, int flags);

/// openat2(2) that refuses any symbolic link on the way (the last component with O_NOFOLLOW in `flags` stays possible with
/// O_PATH) and any path that leaves `root`. For writing a tree as a stranger says. Errors: invalid_argument (ELOOP, EXDEV); as
/// openat2(2).
Result<UniqueFd> open_beneath(int root, const std::string& path, int flags, unsigned mode = 0);

/// openat2(2) that stays below `root` and on its mount: what somebody mounted over a part of the way is refused, and magic links
/// are. For what the kernel itself shows. Errors: invalid_argument (EXDEV); as openat2(2).
Result<UniqueFd> open_on_one_mount(int root, const std::string& path, int flags);

} // namespace nova::sys
