#include "sys/unix_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>

#include "sys/socket_address.h"

namespace nova::sys {
namespace {

using base::Code;
using base::Error;
using namespace std::chrono_literals;

Error closed() { return Error{Code::unavailable, "the other side closed the connection"}; }

/// connect(2) of a unix socket waits for room in the listener's queue, as long as this option says.
void limit_connect(int socket, Deadline deadline)
{
    auto const milliseconds = deadline.poll_timeout_ms();
    if (milliseconds < 0)
        return;
    auto const left = std::max(milliseconds, 1);
    timeval const limit{left / 1000, (left % 1000) * 1000L};
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Error connect_error(const std::string& path, int errnum)
{
    auto const doing = "connect to " + path;
    if (errnum == ECONNREFUSED)
        return Error{Code::unavailable, doing + ": nobody listens"};
    if (errnum == EAGAIN || errnum == EINPROGRESS)
        return Error{Code::deadline_exceeded, doing + ": the listener accepts nobody"};
    return Error::from_errno(doing, errnum);
}

} // namespace

Result<UnixStream> UnixStream::connect(const std::string& path, Deadline deadline)
{
    auto const address = TRY(SocketAddress::of(path));
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket)
        return Error::from_errno("make a unix socket");
    limit_connect(socket.get(), deadline);
    while (::connect(socket.get(), address.get(), SocketAddress::size()) < 0) {
        if (errno != EINTR || deadline.passed())
            return connect_error(path, errno);
    }
    return adopt(std::move(socket));
}

Result<UnixStream> UnixStream::adopt(UniqueFd socket)
{
    auto const flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) < 0)
        return Error::from_errno("make the socket non-blocking");
    return UnixStream{std::move(socket)};
}

Status UnixStream::wait_for(short events, Deadline deadline) const
{
    for (;;) {
        pollfd entry{socket_.get(), events, 0};
        auto const ready = ::poll(&entry, 1, deadline.poll_timeout_ms());
        if (ready > 0)
            return base::done();
        if (ready == 0)
            return Error{Code::deadline_exceeded, "no answer in time"};
        if (errno != EINTR)
            return Error::from_errno("wait for the socket");
    }
}

Status UnixStream::send(std::string_view bytes, Deadline deadline)
{
    while (!bytes.empty()) {
        auto const count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (errno == EAGAIN)
            TRY(wait_for(POLLOUT, deadline));
        else if (errno == EPIPE || errno == ECONNRESET)
            return closed();
        else if (errno != EINTR)
            return Error::from_errno("send");
    }
    return base::done();
}

Status UnixStream::fill(Deadline deadline)
{
    char chunk[16384];
    for (;;) {
        auto const count = ::recv(socket_.get(), chunk, sizeof chunk, 0);
        if (count > 0) {
            buffer_.append(chunk, static_cast<std::size_t>(count));
            return base::done();
        }
        if (count == 0 || errno == ECONNRESET)
            return closed();
        if (errno == EAGAIN)
            TRY(wait_for(POLLIN, deadline));
        else if (errno != EINTR)
            return Error::from_errno("receive");
    }
}

Result<std::string> UnixStream::read_line(std::size_t most, Deadline deadline)
{
    auto const too_long = Error{Code::resource_exhausted, "a line of more than " + std::to_string(most) + " bytes"};
    for (;;) {
        auto const end = buffer_.find('\n', searched_);
        if (end != std::string::npos) {
            if (end > most)
                return too_long;
            auto line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            searched_ = 0;
            if (line.ends_with('\r'))
                line.pop_back();
            return line;
        }
        searched_ = buffer_.size();
        if (buffer_.size() > most)
            return too_long;
        // A peer that never stops talking must not keep us past the deadline, though poll never waits for it.
        if (deadline.passed())
            return Error{Code::deadline_exceeded, "no whole line in time"};
        TRY(fill(deadline));
    }
}

Result<std::string> UnixStream::read_exactly(std::size_t size, Deadline deadline)
{
    while (buffer_.size() < size) {
        if (deadline.passed())
            return Error{Code::deadline_exceeded, "not all of it in time"};
        TRY(fill(deadline));
    }
    auto part = buffer_.substr(0, size);
    buffer_.erase(0, size);
    searched_ = 0;
    return part;
}

} // namespace nova::sys
