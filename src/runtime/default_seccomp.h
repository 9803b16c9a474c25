#pragma once

#include <set>
#include <string>

namespace nova::runtime {

/// linux.seccomp as JSON: the profile of default_seccomp.inc for a container that has these capabilities.
std::string default_seccomp(const std::set<std::string>& capabilities);

} // namespace nova::runtime
