#pragma once

#include <string>

#include "base/result.h"
#include "runtime/globals.h"

namespace nova::runtime {

/// Lets the process of a created container start its program, and runs the poststart hooks.
/// Errors: not_found; failed_precondition - not in state created; the program's own.
base::Status start_container(const Globals& globals, const std::string& id);

} // namespace nova::runtime
