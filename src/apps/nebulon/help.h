#pragma once

#include <string>

namespace nova::nebulon {

/// What `nb COMMAND --help` prints, of the runtime's commands too. Empty: there is no such command.
std::string help_of(const std::string& command);

} // namespace nova::nebulon
