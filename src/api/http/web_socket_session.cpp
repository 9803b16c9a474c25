#include "api/http/web_socket_session.h"

#include "api/status.h"
#include "base/log.h"

namespace nova::api::http {
namespace {

constexpr std::uint16_t close_normal = 1000;
constexpr std::uint16_t close_going_away = 1001;
constexpr std::uint16_t close_protocol_error = 1002;

void adopt(asio::posix::stream_descriptor& descriptor, sys::UniqueFd fd)
{
    error_code error;
    if (fd)
        descriptor.assign(fd.get(), error);
    if (fd && !error)
        static_cast<void>(fd.release()); // It is the descriptor's now.
}

std::string close_payload(std::uint16_t code) { return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}; }

} // namespace

WebSocketSession::WebSocketSession(Loop& loop, std::unique_ptr<Stream> stream, SessionReply reply)
    : loop_(loop),
      stream_(std::move(stream)),
      writer_(loop.io, *stream_, std::nullopt),
      resize_(std::move(reply.session.resize)),
      in_(loop.io),
      out_(loop.io, Channel::out),
      err_(loop.io, Channel::err),
      exit_(loop.io),
      drain_timer_(loop.io)
{
    ++loop_.streams;
    if (reply.in)
        adopt(in_, std::move(reply.session.in));
    adopt(out_.descriptor, std::move(reply.session.out));
    adopt(err_.descriptor, std::move(reply.session.err));
    adopt(exit_, std::move(reply.session.exit));
    out_.wanted = reply.out;
    err_.wanted = reply.err;
    has_exit_ = exit_.is_open();
}

WebSocketSession::~WebSocketSession() { --loop_.streams; }

void WebSocketSession::start(std::string head)
{
    outbox_ = std::move(head);
    send_channel(out_.wanted ? Channel::out : err_.wanted ? Channel::err : Channel::status, ""); // Says: the session is up.
    for (auto* output : {&out_, &err_}) {
        output->open = output->descriptor.is_open();
        if (output->open)
            read_output(*output);
    }
    if (has_exit_)
        read_exit();
    read_client();
    finish_if_over();
}

// ---- from the client ------------------------------------------------------------------------------------------------------

void WebSocketSession::read_client()
{
    if (reading_client_ || closed_)
        return;
    reading_client_ = true;
    stream_->read_some(asio::buffer(chunk_), [self = self()](error_code error, std::size_t count) {
        self->reading_client_ = false;
        if (error)
            return self->close();
        self->inbox_.append(self->chunk_.data(), count);
        self->handle_frames();
    });
}

void WebSocketSession::handle_frames()
{
    while (!closed_ && !in_busy_) {
        auto frame = base::take_frame(inbox_, base::Masking::client, loop_.limits.frame_bytes);
        if (!frame.ok())
            return say_goodbye(close_payload(close_protocol_error));
        if (!frame.value())
            return read_client();
        if (!handle_frame(std::move(*frame.value())))
            return;
    }
}

bool WebSocketSession::handle_frame(base::WebSocketFrame frame)
{
    using base::FrameType;
    switch (frame.type) {
    case FrameType::ping: send_frame(FrameType::pong, frame.payload); return true;
    case FrameType::pong: return true;
    case FrameType::close: say_goodbye(frame.payload.substr(0, 2)); return false;
    default: break;
    }
    if (message_.size() + frame.payload.size() > loop_.limits.frame_bytes) {
        close();
        return false;
    }
    message_ += frame.payload;
    return !frame.last || handle_message(std::exchange(message_, {}));
}

bool WebSocketSession::handle_message(const std::string& message)
{
    if (message.empty())
        return true;
    std::string_view const data = std::string_view{message}.substr(1);
    switch (static_cast<Channel>(message[0])) {
    case Channel::in: return write_in(data);
    case Channel::resize: resize(std::string{data}); return true;
    case Channel::close:
        if (data == std::string_view{"\0", 1})
            close_in();
        return true;
    default: return true; // A channel that only we may write to: dropped.
    }
}

bool WebSocketSession::write_in(std::string_view data)
{
    if (data.empty() || !in_.is_open() || in_closing_)
        return true;
    in_text_ = data;
    in_busy_ = true;
    step_in();
    return false; // Reads on when this is written.
}

void WebSocketSession::step_in()
{
    in_.async_write_some(asio::buffer(in_text_), [self = self()](error_code error, std::size_t count) {
        self->in_text_.erase(0, count);
        if (!error && !self->in_text_.empty() && !self->closed_)
            return self->step_in();
        self->in_busy_ = false;
        if (error || self->in_closing_)
            self->close_in(); // Nobody reads there any more: what comes later is dropped.
        self->handle_frames();
    });
}

void WebSocketSession::close_in()
{
    in_closing_ = true;
    error_code ignored;
    if (!in_busy_)
        in_.close(ignored);
}

void WebSocketSession::resize(const std::string& text)
{
    auto const size = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!resize_ || !size.is_object())
        return;
    auto const dimension = [&](const char* name) {
        auto const found = size.find(name);
        return found != size.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
    };
    auto const columns = dimension("Width");
    auto const rows = dimension("Height");
    if (columns == 0 || rows == 0 || columns > 65535 || rows > 65535)
        return;
    next_size_ = {static_cast<std::uint16_t>(columns), static_cast<std::uint16_t>(rows)};
    run_resize();
}

/// On a worker, since it may ask another process; one at a time, and only the newest size counts.
void WebSocketSession::run_resize()
{
    if (resizing_ || !next_size_ || closed_)
        return;
    resizing_ = true;
    auto const size = *std::exchange(next_size_, std::nullopt);
    loop_.pool.submit(loop_.job([resize = resize_, size] { return resize(size.first, size.second); },
                                [self = self()](const Status& resized) {
                                    if (!resized.ok())
                                        base::log_debug("resize a terminal: " + resized.error().message());
                                    self->resizing_ = false;
                                    self->run_resize();
                                }));
}

// ---- from the process -----------------------------------------------------------------------------------------------------

void WebSocketSession::read_output(Output& output)
{
    if (!output.open || output.reading || closed_ || backlogged())
        return;
    output.reading = true;
    output.descriptor.async_read_some(asio::buffer(output.buffer), [self = self(), &output](error_code error, std::size_t count) {
        output.reading = false;
        if (self->closed_)
            return;
        if (error || count == 0) { // A terminal whose last writer went says EIO.
            output.open = false;
            error_code ignored;
            output.descriptor.close(ignored);
            return self->finish_if_over();
        }
        if (output.wanted)
            self->send_channel(output.channel, {output.buffer.data(), count});
        if (self->status_) // Still talking: wait on.
            self->drain_timer_.expires_after(self->loop_.limits.session_drain);
        self->read_output(output);
    });
}

void WebSocketSession::read_exit()
{
    exit_.async_read_some(asio::buffer(&exit_code_, sizeof exit_code_), [self = self()](error_code error, std::size_t count) {
        if (!self->closed_)
            self->exited(!error && count == sizeof self->exit_code_ ? std::optional{self->exit_code_} : std::nullopt);
    });
}

void WebSocketSession::exited(std::optional<int> code)
{
    status_ = code ? exit_status(*code)
                   : status_object(HttpError{500, "InternalError"}, "the process is gone, and how it ended is not known");
    drain_timer_.expires_after(loop_.limits.session_drain);
    finish_if_over();
}

/// Over: it ended and everything it wrote was read; or, where its children hold the output open, nothing came for a while. That
/// nothing comes while the client has to take what there is says nothing: flush() looks again.
void WebSocketSession::finish_if_over()
{
    if (finishing_ || closed_)
        return;
    bool const output_ended = !out_.open && !err_.open;
    if (!has_exit_ && output_ended)
        return finish(success_status());
    if (!status_)
        return;
    bool const waited = drain_timer_.expiry() <= std::chrono::steady_clock::now();
    if (output_ended || (waited && !backlogged()))
        return finish(*status_);
    if (backlogged() || std::exchange(awaiting_end_, true))
        return;
    drain_timer_.async_wait([weak = std::weak_ptr<WebSocketSession>{self()}](error_code) {
        if (auto const session = weak.lock()) {
            session->awaiting_end_ = false;
            session->finish_if_over(); // Also when the time was put off.
        }
    });
}

/// The client has taken so much that there is room for more.
void WebSocketSession::go_on_reading()
{
    if (status_)
        drain_timer_.expires_after(loop_.limits.session_drain);
    read_output(out_);
    read_output(err_);
    finish_if_over();
}

void WebSocketSession::finish(const json& status)
{
    send_channel(Channel::status, status.dump(-1, ' ', false, json::error_handler_t::replace));
    say_goodbye(close_payload(close_normal));
}

/// The last frame; who does not read any more gets none.
void WebSocketSession::say_goodbye(std::string_view payload)
{
    if (!client_reads_)
        return close();
    send_frame(base::FrameType::close, payload);
    finishing_ = true;
}

// ---- to the client --------------------------------------------------------------------------------------------------------

void WebSocketSession::send_channel(Channel channel, std::string_view data)
{
    send_frame(base::FrameType::binary, std::string{static_cast<char>(channel)}.append(data));
}

void WebSocketSession::send_frame(base::FrameType type, std::string_view payload)
{
    if (finishing_ || closed_ || !client_reads_)
        return;
    outbox_ += base::encode_frame(type, payload, base::Masking::server);
    flush();
}

void WebSocketSession::flush()
{
    if (writer_.busy() || outbox_.empty())
        return;
    writer_.write(std::exchange(outbox_, {}), [self = self()](error_code error) {
        if (error && self->draining_ && !self->status_)
            self->finishing_ = false; // It was gone before we were.
        if (self->finishing_ && (error || self->outbox_.empty()))
            return self->close();
        if (error)
            self->stop_sending();
        bool const was_backlogged = self->backlogged();
        self->flush();
        if (was_backlogged || error)
            self->go_on_reading();
    });
}

/// The client has left. What it sent before is still the process's: its end is seen where it is read, behind all that.
void WebSocketSession::stop_sending()
{
    client_reads_ = false;
    outbox_.clear();
    out_.wanted = err_.wanted = false;
}

void WebSocketSession::drain()
{
    draining_ = true;
    if (client_reads_) // Else it ends by itself, when all that was sent is passed on.
        say_goodbye(close_payload(close_going_away));
}

void WebSocketSession::close()
{
    if (closed_)
        return;
    closed_ = true;
    drain_timer_.cancel();
    error_code ignored;
    for (auto* descriptor : {&in_, &out_.descriptor, &err_.descriptor, &exit_})
        descriptor->close(ignored);
    stream_->close();
    loop_.remove(self());
}

} // namespace nova::api::http
