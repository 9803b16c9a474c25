#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;

/// Takes a lock that ends with the last copy of its descriptor (flock(2)), also by SIGKILL. Makes the file where it is missing.
/// Empty: somebody else holds it.
Result<std::optional<UniqueFd>> try_lock(const std::string& path);

/// The same, but waits, for a file that nobody removes: alone, for every other holder; shared, for one who wants it alone.
Result<UniqueFd> lock_alone(const std::string& path);
Result<UniqueFd> lock_shared(const std::string& path);

} // namespace nova::sys
