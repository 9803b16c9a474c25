#pragma once

#include "apps/nova/cli/invocation.h"
#include "apps/nova/cli/target.h"

namespace nova::app {

/// Whether a network or an image can go: one that capsules or machines stand on would only be marked, and keep them from starting
/// again. What is being removed itself does not count. Cost: a list of the workloads; nothing for another kind, or with --curl.
/// Errors: failed_precondition - the workloads, by name.
Status check_unused(client::Client& client, const Invocation& invocation, const Target& target);

} // namespace nova::app
