#pragma once

#include "apps/nova/cli/invocation.h"
#include "client/client.h"

namespace nova::app {

/// Copies a workload's log to stdout as it comes, until it ends (with follow: until the workload does).
Status print_log(client::Client& client, const model::Key& workload, const client::LogOptions& options);

} // namespace nova::app
