#pragma once

#include <string>

namespace CLI {
class App;
}

namespace nova::app {

/// A completion script made from the commands and options that there are. shell: bash, zsh or fish.
std::string completion_script(const CLI::App& app, const std::string& shell);

} // namespace nova::app
