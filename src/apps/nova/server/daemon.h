#pragma once

#include <memory>

#include "apps/nova/server/places.h"

namespace nova::app {

struct DaemonOptions {
    Layout layout;
    int listener = -1; ///< A listening socket that the service manager passed; -1: make our own.
};

/// The daemon: opens everything, serves until SIGTERM or SIGINT, and leaves what runs running.
/// Errors: failed_precondition - another daemon serves this root.
Status serve(const DaemonOptions& options);

} // namespace nova::app
