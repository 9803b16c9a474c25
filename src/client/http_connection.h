#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "client/request.h"
#include "sys/unique_fd.h"

namespace nova::client {

using base::Deadline;
using base::Result;
using base::Status;

struct Head {
    int status = 0;
    std::map<std::string, std::string> headers; ///< Names in lower case.
    std::string header(const std::string& name) const;
};

/// One HTTP/1.1 connection over a unix socket, blocking, with a deadline on all that waits. Not safe from two threads at once.
class HttpConnection {
public:
    /// Errors: unavailable - no server there; permission_denied.
    static Result<HttpConnection> connect(const std::string& socket);

    /// `extra` holds further header lines, each with its "\r\n".
    Status send(const Request& request, Deadline deadline, const std::string& extra = "");

    /// The head of the next answer; interim ones (1xx but 101) are passed over.
    /// Errors: data_loss - no HTTP, or over the limits; unavailable - the server went away; deadline_exceeded.
    Result<Head> read_head(Deadline deadline);

    /// The next piece of the body; empty: that was all. Errors: as read_head.
    Result<std::string> read_some(Deadline deadline);

    /// All of the body. Errors: as read_head; resource_exhausted - over `most` bytes.
    Result<std::string> read_body(Deadline deadline, std::size_t most);

    /// Whether the whole answer was read, and the server will take another request here.
    bool reusable() const;

    // After 101: the bytes themselves.
    Result<std::string> read_raw(Deadline deadline); ///< Empty: the server closed.
    Status write_raw(std::string_view text, Deadline deadline);
    Result<std::size_t> write_some(std::string_view text); ///< As much of it as goes without waiting.
    std::string take_buffer() { return std::exchange(buffer_, {}); }

    int fd() const { return socket_.get(); }

private:
    enum class Body { none, length, chunked, until_close };

    explicit HttpConnection(sys::UniqueFd socket) : socket_(std::move(socket)) {}

    Status fill(Deadline deadline); ///< Appends at least one byte to the buffer, or sets closed_.
    Result<std::string> read_line(Deadline deadline, std::size_t most);
    Status choose_body(const Head& head);
    Status next_chunk(Deadline deadline);
    Result<std::string> take(std::uint64_t most, Deadline deadline);

    sys::UniqueFd socket_;
    std::string buffer_;
    Body body_ = Body::none;
    std::uint64_t left_ = 0; ///< Of the body, or of its chunk.
    bool keep_alive_ = true;
    bool closed_ = false;
    bool no_body_ = false; ///< The request was HEAD.
};

} // namespace nova::client
