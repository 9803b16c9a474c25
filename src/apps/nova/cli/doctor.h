#pragma once

#include "apps/nova/cli/invocation.h"

namespace nova::app {

/// Tries what Nova needs of this host (without changing it), and says of each thing that is missing what to do.
/// Exit code 1 where something that is needed is missing.
Result<int> examine_host(const Invocation& invocation);

} // namespace nova::app
