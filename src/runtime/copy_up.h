#pragma once

#include "base/result.h"

namespace nova::runtime {

/// Copies what lies in the directory `from` (O_PATH) into the directory `to`: files, directories, links, devices, with owner,
/// mode, times and extended attributes. Follows no link and crosses no mount.
base::Status copy_up(int from, int to);

} // namespace nova::runtime
