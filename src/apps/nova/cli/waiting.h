#pragma once

#include "apps/nova/cli/fate.h"
#include "base/clock.h"

namespace nova::app {

/// Waits until nothing of the project is `waiting`, or until the deadline; shows what it waits for on a terminal. A failure that
/// a controller still retries counts only when it stands for two seconds.
Result<std::vector<Fate>> wait_for_project(client::Client& client, const Invocation& invocation, const Wanted& wanted,
                                           base::Deadline deadline);

/// Errors: deadline_exceeded, with what holds it.
Status wait_until_gone(client::Client& client, const model::Key& key, base::Deadline deadline);

/// Waits until `done` says so of the object's newest state, and returns that state.
/// Errors: deadline_exceeded; not_found - it was removed meanwhile.
Result<nlohmann::json> wait_until(client::Client& client, const model::Key& key,
                                  const std::function<bool(const nlohmann::json&)>& done, base::Deadline deadline);

} // namespace nova::app
