#include "api/http/stream.h"

namespace nova::api::http {
namespace {

class LocalStream : public Stream {
public:
    explicit LocalStream(asio::local::stream_protocol::socket socket) : socket_(std::move(socket)) {}

    void read_some(asio::mutable_buffer into, Done done) override { socket_.async_read_some(into, std::move(done)); }
    void write_some(asio::const_buffer from, Done done) override { socket_.async_write_some(from, std::move(done)); }
    void end_reading() override
    {
        error_code ignored; // It has left.
        socket_.shutdown(asio::socket_base::shutdown_receive, ignored);
    }
    void cancel() override
    {
        error_code ignored;
        socket_.cancel(ignored);
    }
    void close() override
    {
        error_code ignored; // There is nobody left to tell.
        socket_.close(ignored);
    }

private:
    asio::local::stream_protocol::socket socket_;
};

} // namespace

std::unique_ptr<Stream> local_stream(asio::local::stream_protocol::socket socket)
{
    return std::make_unique<LocalStream>(std::move(socket));
}

void Writer::write(std::string text, Done done)
{
    text_ = std::move(text);
    sent_ = 0;
    busy_ = true;
    step(std::move(done));
}

void Writer::arm()
{
    if (!stall_)
        return;
    timer_.expires_after(*stall_);
    timer_.async_wait([this, alive = std::weak_ptr{alive_}](error_code error) {
        if (!error && !alive.expired() && busy_ && timer_.expiry() <= std::chrono::steady_clock::now())
            stream_.close();
    });
}

void Writer::step(Done done)
{
    arm();
    auto const rest = asio::buffer(text_.data() + sent_, text_.size() - sent_);
    stream_.write_some(rest, [this, done = std::move(done)](error_code error, std::size_t count) mutable {
        sent_ += count;
        if (!error && sent_ < text_.size())
            return step(std::move(done));
        timer_.cancel();
        busy_ = false;
        text_ = {};
        done(error);
    });
}

} // namespace nova::api::http
