#pragma once

#include <string>

namespace nova::nebulon {

/// What `nb COMMAND --help` prints, of those that the runtime has too what it is without that. Empty: none of ours.
std::string help_of(const std::string& command);

} // namespace nova::nebulon
