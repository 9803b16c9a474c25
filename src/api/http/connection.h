#pragma once

#include <memory>
#include <string>

#include "api/http/loop.h"
#include "api/http/request_reader.h"
#include "api/http/stream.h"

namespace nova::api::http {

/// Reads requests from one client and answers them, one after the other. A reply that is a stream or a session takes the
/// connection over.
class Connection : public Task {
public:
    Connection(Loop& loop, std::unique_ptr<Stream> stream, Identity identity);

    void start() { read(); }
    void drain() override;
    void close() override;

private:
    std::shared_ptr<Connection> self() { return std::static_pointer_cast<Connection>(shared_from_this()); }
    void read();
    void advance();
    void dispatch();
    void reply(Reply reply);
    void send(const Response& response);
    void hand_over(Reply reply);
    void limit_request_time();

    enum class State { reading, handling, writing };

    Loop& loop_;
    std::unique_ptr<Stream> stream_;
    Writer writer_;
    Identity identity_;
    RequestReader reader_;
    asio::steady_timer timer_; ///< Runs only while a request is half read.
    std::string buffer_;
    std::array<char, 4096> chunk_{};
    State state_ = State::reading;
    bool keep_alive_ = true;
    bool head_only_ = false;
    bool timing_ = false;
    Request handshake_; ///< Of a reply that may become a session: its headers.
};

} // namespace nova::api::http
