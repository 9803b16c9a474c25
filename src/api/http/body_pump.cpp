#include "api/http/body_pump.h"

#include <fcntl.h>

#include "api/http/request_reader.h"

namespace nova::api::http {
namespace {

std::string chunk(const std::string& text)
{
    if (text.empty())
        return {};
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + text + "\r\n";
}

} // namespace

BodyPump::BodyPump(Loop& loop, std::unique_ptr<Stream> stream, StreamReply reply)
    : loop_(loop),
      stream_(std::move(stream)),
      writer_(loop.io, *stream_, std::nullopt),
      source_(std::move(reply.source)),
      content_type_(std::move(reply.content_type)),
      end_timer_(loop.io),
      wake_(loop.io)
{
    ++loop_.streams;
}

BodyPump::~BodyPump() { --loop_.streams; }

void BodyPump::start()
{
    Response head;
    head.content_type = content_type_;
    out_ = response_head(head, std::nullopt, /*keep_alive=*/false);
    // The source outlives no pump, but a wake may be under way in another thread when the pump goes.
    source_->on_wake([&io = loop_.io, weak = std::weak_ptr<BodyPump>{self()}] {
        asio::post(io, [weak] {
            if (auto const pump = weak.lock())
                pump->wake();
        });
    });
    if (auto const ends = source_->ends()) {
        end_timer_.expires_at(*ends);
        end_timer_.async_wait([weak = std::weak_ptr<BodyPump>{self()}](error_code error) {
            if (auto const pump = weak.lock(); pump && !error)
                pump->wake();
        });
    }
    watch_for_hangup();
    pull();
}

/// The client has nothing to say any more; that it goes is what we want to hear.
void BodyPump::watch_for_hangup()
{
    stream_->read_some(asio::buffer(ignored_),
                       [self = self()](error_code error, std::size_t) { error ? self->close() : self->watch_for_hangup(); });
}

void BodyPump::pull()
{
    state_ = State::pulling;
    again_ = false;
    loop_.pool.submit(loop_.job([source = source_] { return source->pull(); },
                                [self = self()](BodySource::Piece piece) { self->pulled(std::move(piece)); }));
}

void BodyPump::pulled(BodySource::Piece piece)
{
    if (state_ == State::closed)
        return;
    bool const all_is_out = piece.next == BodySource::Next::wait; // As far as there is something yet.
    next_ = loop_.stopping && all_is_out ? BodySource::Next::end : piece.next;
    out_ += chunk(piece.text);
    if (next_ == BodySource::Next::end)
        out_ += "0\r\n\r\n";
    state_ = State::writing;
    if (out_.empty())
        return written({});
    writer_.write(std::exchange(out_, {}), [self = self()](error_code error) { self->written(error); });
}

void BodyPump::written(error_code error)
{
    if (state_ == State::closed)
        return;
    if (error || next_ == BodySource::Next::end)
        return close();
    if (next_ == BodySource::Next::more || again_ || loop_.stopping)
        return pull();
    sleep();
}

void BodyPump::sleep()
{
    state_ = State::idle;
    int const number = source_->wake_fd();
    if (number < 0)
        return;
    if (number != wake_number_) {
        error_code ignored;
        wake_.close(ignored);
        wake_.assign(::fcntl(number, F_DUPFD_CLOEXEC, 0), ignored);
        wake_number_ = number;
        if (ignored)
            return close();
    }
    wake_.async_wait(asio::posix::stream_descriptor::wait_read, [weak = std::weak_ptr<BodyPump>{self()}](error_code error) {
        if (auto const pump = weak.lock(); pump && !error)
            pump->wake();
    });
}

void BodyPump::wake()
{
    if (state_ == State::idle)
        pull();
    else
        again_ = true;
}

void BodyPump::drain() { wake(); } // What is there yet goes out, within the drain time; then pulled() sees that the server stops.

void BodyPump::close()
{
    if (state_ == State::closed)
        return;
    state_ = State::closed;
    end_timer_.cancel();
    error_code ignored;
    wake_.close(ignored);
    stream_->close();
    loop_.pool.submit(
        [source = std::move(source_)] {}); // Its end may take the kernel milliseconds, in which all others would wait.
    loop_.remove(self());
}

} // namespace nova::api::http
