#pragma once

#include <memory>
#include <string>

#include "api/http/loop.h"
#include "api/http/stream.h"

namespace nova::api::http {

/// Sends a body that comes in pieces: pulls one on a worker, writes it, pulls the next; sleeps while there is none.
class BodyPump : public Task {
public:
    BodyPump(Loop& loop, std::unique_ptr<Stream> stream, StreamReply reply);
    ~BodyPump() override;

    void start();
    void drain() override;
    void close() override;

private:
    std::shared_ptr<BodyPump> self() { return std::static_pointer_cast<BodyPump>(shared_from_this()); }
    void watch_for_hangup();
    void pull();
    void pulled(BodySource::Piece piece);
    void written(error_code error);
    void sleep();
    void wake();

    enum class State { idle, pulling, writing, closed };

    Loop& loop_;
    std::unique_ptr<Stream> stream_;
    Writer writer_;
    std::shared_ptr<BodySource> source_; ///< Shared with the job that pulls.
    std::string content_type_;
    asio::steady_timer end_timer_;
    asio::posix::stream_descriptor wake_; ///< A duplicate of the source's, while it has one.
    int wake_number_ = -1;
    std::string out_;
    std::array<char, 64> ignored_{};
    State state_ = State::idle;
    BodySource::Next next_ = BodySource::Next::more;
    bool again_ = false; ///< Woken while busy.
};

} // namespace nova::api::http
