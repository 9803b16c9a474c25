#pragma once

#include <string>
#include <string_view>

#include "runtime/globals.h"

namespace nova::runtime {

enum class Severity { debug, warning, error };

/// Writes one line, whatever stands in the message, as --log, --log-format and --debug ask: into the log file where there is one;
/// warnings and errors to stderr too. Debug lines only with --debug.
void tell(const Globals& globals, Severity severity, std::string_view message);

} // namespace nova::runtime
