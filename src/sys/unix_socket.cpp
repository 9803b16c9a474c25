#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "sys/file.h"
#include "sys/socket_address.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

int type_of(SocketKind kind) { return kind == SocketKind::stream ? SOCK_STREAM : SOCK_SEQPACKET; }

Result<UniqueFd> make_socket(SocketKind kind)
{
    UniqueFd fd{::socket(AF_UNIX, type_of(kind) | SOCK_CLOEXEC, 0)};
    if (!fd)
        return Error::from_errno("make a socket");
    return fd;
}

/// True where the file is a socket that nobody listens on.
bool is_abandoned(const std::string& path, SocketKind kind)
{
    struct stat found {};
    if (::lstat(path.c_str(), &found) < 0 || !S_ISSOCK(found.st_mode))
        return false;
    auto const connected = connect_unix(path, kind);
    return !connected.ok() && connected.error().errnum() == ECONNREFUSED;
}

Status bind_to(int socket, const std::string& path, SocketKind kind, unsigned mode)
{
    auto const address = TRY(SocketAddress::of(path));
    // On a socket not yet bound, fchmod sets what the file will get: no moment with a wider mode.
    ::fchmod(socket, mode);
    if (::bind(socket, address.get(), SocketAddress::size()) == 0)
        return base::done();
    int errnum = errno;
    if (errnum == EADDRINUSE && is_abandoned(path, kind)) {
        ::unlink(path.c_str());
        if (::bind(socket, address.get(), SocketAddress::size()) == 0)
            return base::done();
        errnum = errno;
    }
    if (errnum == EADDRINUSE)
        return Error{Code::already_exists, "socket " + path + ": somebody listens there"};
    return Error::from_errno("bind socket " + path, errnum);
}

} // namespace

Result<UniqueFd> listen_unix(const std::string& path, SocketKind kind, unsigned mode)
{
    auto socket = TRY(make_socket(kind));
    TRY(bind_to(socket.get(), path, kind, mode));
    ::chmod(path.c_str(), mode); // The umask has taken bits away.
    if (::listen(socket.get(), SOMAXCONN) < 0)
        return Error::from_errno("listen on " + path);
    return socket;
}

Result<UniqueFd> connect_unix(const std::string& path, SocketKind kind, std::optional<std::chrono::seconds> patience)
{
    auto socket = TRY(make_socket(kind));
    auto const address = TRY(SocketAddress::of(path));
    if (patience)
        limit_sending(socket.get(), *patience);
    if (::connect(socket.get(), address.get(), SocketAddress::size()) < 0) {
        int const errnum = errno;
        if (errnum == EAGAIN)
            return Error{Code::deadline_exceeded, "connect to " + path + ": it lets nobody in"};
        return Error::from_errno("connect to " + path, errnum);
    }
    return socket;
}

Result<std::optional<UniqueFd>> accept_unix(int listener, SocketMode mode)
{
    int const flags = SOCK_CLOEXEC | (mode == SocketMode::nonblocking ? SOCK_NONBLOCK : 0);
    UniqueFd fd{::accept4(listener, nullptr, nullptr, flags)};
    if (fd)
        return std::optional{std::move(fd)};
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return std::optional<UniqueFd>{};
    return Error::from_errno("accept a connection");
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair(SocketKind kind)
{
    int fds[2];
    if (::socketpair(AF_UNIX, type_of(kind) | SOCK_CLOEXEC, 0, fds) < 0)
        return Error::from_errno("make a socket pair");
    return std::pair{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

Status set_nonblocking(int fd)
{
    int const flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return Error::from_errno("make a descriptor nonblocking");
    return base::done();
}

Status send_message(int socket, std::string_view text, std::span<const int> fds)
{
    if (fds.size() > most_fds_per_message)
        return Error{Code::invalid_argument, "send a message: too many descriptors"};
    iovec part{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(most_fds_per_message * sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    while (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
        int const errnum = errno;
        if (errnum != EINTR)
            return Error::from_errno("send a message", errnum);
    }
    return base::done();
}

namespace {

std::vector<UniqueFd> take_fds(msghdr& header)
{
    std::vector<UniqueFd> fds;
    for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        auto const count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t index = 0; index < count; ++index) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + index * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
    return fds;
}

/// How long the next message is, so that no buffer of the greatest size is needed for a small one.
Result<std::size_t> next_size(int socket)
{
    char none = 0;
    while (true) {
        auto const size = ::recv(socket, &none, 0, MSG_PEEK | MSG_TRUNC);
        if (size >= 0)
            return static_cast<std::size_t>(size);
        int const errnum = errno;
        if (errnum != EINTR)
            return Error::from_errno("receive a message", errnum);
    }
}

/// One recvmsg(2). Yields how many bytes came; `fds` gets the descriptors that came with them.
Result<std::size_t> receive(int socket, std::span<char> bytes, std::vector<UniqueFd>& fds)
{
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(most_fds_per_message * sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t count = 0;
    while ((count = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0) {
        int const errnum = errno;
        if (errnum != EINTR)
            return Error::from_errno("receive a message", errnum);
    }
    fds = take_fds(header);
    return static_cast<std::size_t>(count);
}

} // namespace

Result<std::optional<Message>> receive_message(int socket, std::size_t most)
{
    auto const size = TRY(next_size(socket));
    Message message;
    message.text.resize(std::min(size, most));
    auto const count = TRY(receive(socket, message.text, message.fds));
    if (size > most)
        return Error{Code::resource_exhausted, "receive a message: " + std::to_string(size) + " bytes are too many"};
    if (count == 0 && message.fds.empty())
        return std::optional<Message>{};
    return std::optional{std::move(message)};
}

Result<UniqueFd> receive_fd(int stream)
{
    char text[256];
    std::vector<UniqueFd> fds;
    TRY(receive(stream, text, fds).context("receive a descriptor"));
    if (fds.empty())
        return Error{Code::failed_precondition, "receive a descriptor: none came"};
    return std::move(fds.front());
}

} // namespace nova::sys
