#include "sys/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sys/unique_fd.h"

namespace nova::sys {

using base::Code;
using base::Error;

Status check_port_free(Transport transport, const std::string& address, std::uint16_t port)
{
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    if (!address.empty() && ::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1)
        return Error{Code::invalid_argument, "not an IPv4 address: " + address};
    UniqueFd const socket{::socket(AF_INET, (transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)};
    if (!socket)
        return Error::from_errno("open socket");
    int const on = 1;
    if (transport == Transport::tcp) // Connections that are just ending do not count.
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0)
        return base::done();
    int const errnum = errno;
    auto const what = "port " + std::to_string(port) + (transport == Transport::tcp ? "/tcp" : "/udp");
    if (errnum == EADDRINUSE)
        return Error{Code::already_exists, what + " of this host is in use by another program"};
    if (errnum == EADDRNOTAVAIL)
        return Error{Code::not_found, "this host has no address " + address};
    return Error::from_errno(what, errnum);
}

} // namespace nova::sys
