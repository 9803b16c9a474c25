#pragma once

#include "base/result.h"

namespace nova::app {

/// What the shell gets, as documented in `nova --help`.
enum ExitCode : int {
    exit_ok = 0,
    exit_failure = 1,
    exit_not_found = 2,
    exit_network = 3,
    exit_permission = 4,
    exit_resource = 5,
    exit_configuration = 6,
    exit_migration = 7,
    exit_console = 8,
    exit_usage = 64,
};

ExitCode exit_code_of(const base::Error& error);

} // namespace nova::app
