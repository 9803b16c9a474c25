#pragma once

#include "apps/nova/cli/invocation.h"
#include "apps/nova/server/places.h"
#include "client/client.h"

namespace nova::app {

/// Connects to this user's daemon; starts one where none listens, now or when a request is sent later, and waits until it
/// answers.
/// Errors: permission_denied - the socket is somebody else's; unavailable - the daemon did not come up: its last words.
Result<client::Client> connect_daemon(const Invocation& invocation);

} // namespace nova::app
