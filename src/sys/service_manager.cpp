#include "sys/service_manager.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "sys/socket_address.h"
#include "sys/unix_socket.h"

namespace nova::sys {

using base::Error;

namespace {

constexpr std::size_t most_at_once = 4096;

Result<UniqueFd> make_socket()
{
    UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!socket)
        return Error::from_errno("make a socket");
    return socket;
}

/// A name that begins with a zero byte lies in no file system, and is as long as it is said to be.
int connect_abstract(int socket, std::string_view name)
{
    sockaddr_un address{};
    if (name.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), length);
}

Result<UniqueFd> connect_manager(const std::string& address)
{
    auto socket = TRY(make_socket());
    int connected = 0;
    if (address.starts_with('@'))
        connected = connect_abstract(socket.get(), std::string_view{address}.substr(1));
    else {
        auto const name = TRY(SocketAddress::of(address));
        connected = ::connect(socket.get(), name.get(), SocketAddress::size());
    }
    if (connected < 0)
        return Error::from_errno("connect to the service manager at " + address);
    return socket;
}

} // namespace

std::string service_manager()
{
    const char* const address = std::getenv("NOTIFY_SOCKET");
    bool const known = address != nullptr && (*address == '/' || *address == '@') && address[1] != '\0';
    return known ? address : "";
}

Status tell_manager(const std::string& address, std::string_view lines)
{
    auto const socket = TRY(connect_manager(address));
    return send_message(socket.get(), lines);
}

void await_manager(const std::string& address, base::Deadline deadline)
{
    auto const socket = connect_manager(address);
    std::array<int, 2> ends{};
    if (!socket.ok() || ::pipe2(ends.data(), O_CLOEXEC) < 0)
        return;
    UniqueFd const ours{ends[0]};
    {
        UniqueFd const theirs{ends[1]};
        if (!send_message(socket.value().get(), "BARRIER=1", {&ends[1], 1}).ok())
            return;
    }
    struct pollfd closed {
        ours.get(), 0, 0
    };
    (void)::poll(&closed, 1, deadline.poll_timeout_ms());
}

Result<UniqueFd> open_notify_socket(const std::string& path)
{
    auto socket = TRY(make_socket());
    auto const address = TRY(SocketAddress::of(path));
    ::unlink(path.c_str());
    if (::bind(socket.get(), address.get(), SocketAddress::size()) < 0)
        return Error::from_errno("bind socket " + path);
    if (::chmod(path.c_str(), 0666) < 0)
        return Error::from_errno("change the mode of " + path);
    return socket;
}

Result<std::optional<std::string>> receive_notification(int socket)
{
    std::array<char, most_at_once> text;
    auto const count = ::recv(socket, text.data(), text.size(), MSG_DONTWAIT);
    if (count >= 0)
        return std::optional{std::string{text.data(), static_cast<std::size_t>(count)}};
    if (errno == EAGAIN || errno == EINTR)
        return std::optional<std::string>{};
    return Error::from_errno("receive a notification");
}

} // namespace nova::sys
