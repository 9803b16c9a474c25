#pragma once

#include "runtime/arguments.h"
#include "runtime/launch.h"

namespace nova::runtime {

/// --bundle, or the working directory: absolute and without links. Errors: not_found.
Result<std::string> bundle_of(const Arguments& arguments);

enum class AtEnd { remove, keep };

/// What `run` and `restore` do: start at once and, unless --detach is given, wait for the end, passing signals and the terminal
/// on. Yields the exit code.
Result<int> launch_and_follow(const Globals& globals, LaunchRequest request, const Arguments& arguments, AtEnd at_end);

} // namespace nova::runtime
