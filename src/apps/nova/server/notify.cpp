#include "apps/nova/server/notify.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "sys/service_manager.h"

namespace nova::app {

void notify_service_manager(std::string_view state)
{
    if (auto const manager = sys::service_manager(); !manager.empty())
        (void)sys::tell_manager(manager, state); // One that does not listen is no reason to stop.
}

int passed_listener()
{
    auto const* pid = std::getenv("LISTEN_PID");
    auto const* count = std::getenv("LISTEN_FDS");
    if (pid == nullptr || count == nullptr || std::string{pid} != std::to_string(::getpid()) || std::atoi(count) < 1)
        return -1;
    // Once more: whoever listened last is whom those that connect take for the daemon (SO_PEERCRED), and 'server stop' ends.
    ::listen(3, SOMAXCONN);
    return 3;
}

} // namespace nova::app
