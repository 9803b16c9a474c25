#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace nova::runtime {

using base::Result;

/// --rootless: whether what needs the host's privilege is left out (cgroups that nobody delegated, device filters).
enum class Rootless { automatic, yes, no };

/// "true", "false", "auto". Errors: invalid_argument.
Result<Rootless> parse_rootless(const std::string& text);

/// With Rootless::automatic: another user than root, or root of a user namespace only.
bool acts_rootless(Rootless option);

/// Version 2: the cgroup below which we may make our own: the nearest one above us that was given to us and holds no processes
/// itself, so that it can hand controllers down; else our own, where none can be. Empty: none was given to us.
std::optional<std::string> find_delegated_cgroup();

} // namespace nova::runtime
