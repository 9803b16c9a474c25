#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/globals.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// A notice is a warning for the log file: nobody needs it beside what the program writes.
enum class Severity { debug, notice, warning, error };

/// Writes one line, whatever stands in the message, as --log, --log-format and --debug ask: into the log file where there is one,
/// else to stderr, and errors to both. Debug lines only with --debug, and without a log file notices too. Engines have a log, and
/// search all of stderr for words that tell why a container failed: a warning there would be taken for the reason.
void tell(const Globals& globals, Severity severity, std::string_view message);

/// The log file; empty where there is none. A log that can't be written is a caller's mistake, told before anything is done.
base::Result<sys::UniqueFd> open_log(const Globals& globals);

} // namespace nova::runtime
