#include "apps/nova/server/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sys/unique_fd.h"

namespace nova::app {

void notify_service_manager(std::string_view state)
{
    auto const* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (path == nullptr || std::strlen(path) >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, std::strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    sys::UniqueFd const socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    // A manager that does not listen is no reason to stop.
    (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
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
