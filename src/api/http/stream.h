#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/http/asio.h"

namespace nova::api::http {

/// A connection's bytes, whatever carries them: a unix socket, later TLS. Virtual, so that what is above is compiled once.
class Stream {
public:
    using Done = std::function<void(error_code, std::size_t)>;

    virtual ~Stream() = default;
    virtual void read_some(asio::mutable_buffer into, Done done) = 0;
    virtual void write_some(asio::const_buffer from, Done done) = 0;
    virtual void end_reading() = 0; ///< What has come can still be read; more can't be sent, which the peer is told.
    virtual void cancel() = 0;      ///< What is pending ends with operation_aborted.
    virtual void close() = 0;       ///< The same, for good.
};

std::unique_ptr<Stream> local_stream(asio::local::stream_protocol::socket socket);

/// Writes texts whole, one at a time.
class Writer {
public:
    using Done = std::function<void(error_code)>;

    /// With a stall time, a peer that takes nothing for so long is cut off.
    Writer(asio::io_context& io, Stream& stream, std::optional<std::chrono::seconds> stall)
        : stream_(stream), timer_(io), stall_(stall)
    {}

    /// `done` keeps whoever owns this alive. Never call it while a write is going on.
    void write(std::string text, Done done);
    bool busy() const { return busy_; }

private:
    void step(Done done);
    void arm();

    Stream& stream_;
    asio::steady_timer timer_;
    std::optional<std::chrono::seconds> stall_;
    std::shared_ptr<const char> alive_ = std::make_shared<char>('\0'); ///< For the timer: cancelling ends no call that is queued.
    std::string text_;
    std::size_t sent_ = 0;
    bool busy_ = false;
};

} // namespace nova::api::http
