#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Deadline;
using base::Result;
using base::Status;

/// A connected unix stream socket that talks in lines, or in parts of a known size. Every wait has a Deadline; none is endless
/// unless that is.
/// After an error the stream is of no further use.
class UnixStream {
public:
    /// The path may be longer than a socket address holds, its last part (90 characters) may not.
    /// Errors: not_found; unavailable - nobody listens (a stale socket); deadline_exceeded - the listener accepts nobody.
    static Result<UnixStream> connect(const std::string& path, Deadline deadline);

    /// Takes over a connected stream socket.
    static Result<UnixStream> adopt(UniqueFd socket);

    /// Errors: unavailable - the other side is gone; deadline_exceeded.
    Status send(std::string_view bytes, Deadline deadline);

    /// The next line without its end ("\n" or "\r\n").
    /// Errors: unavailable - the other side closed (a last part without an end is dropped); deadline_exceeded;
    /// resource_exhausted - more than `most` bytes without an end.
    Result<std::string> read_line(std::size_t most, Deadline deadline);

    /// So many bytes. Errors: unavailable - the other side closed before; deadline_exceeded.
    Result<std::string> read_exactly(std::size_t size, Deadline deadline);

    int fd() const { return socket_.get(); }

private:
    explicit UnixStream(UniqueFd socket) : socket_(std::move(socket)) {}
    Status wait_for(short events, Deadline deadline) const;
    Status fill(Deadline deadline);

    UniqueFd socket_;
    std::string buffer_;       ///< What was read and not yet taken.
    std::size_t searched_ = 0; ///< So far buffer_ holds no line end.
};

} // namespace nova::sys
