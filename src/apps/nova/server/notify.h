#pragma once

#include <string_view>

namespace nova::app {

/// Tells the service manager that started us ("READY=1", "STOPPING=1"), where there is one: a datagram to $NOTIFY_SOCKET, as
/// sd_notify(3) sends it. Does nothing elsewhere.
void notify_service_manager(std::string_view state);

/// The listening socket that a service manager passed (sd_listen_fds(3)): descriptor 3 where LISTEN_PID is us; else -1.
int passed_listener();

} // namespace nova::app
