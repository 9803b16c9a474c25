#include "api/http/connection.h"

#include "api/http/body_pump.h"
#include "api/http/web_socket_session.h"
#include "api/status.h"

namespace nova::api::http {

Connection::Connection(Loop& loop, std::unique_ptr<Stream> stream, Identity identity)
    : loop_(loop),
      stream_(std::move(stream)),
      writer_(loop.io, *stream_, loop.limits.stall),
      identity_(std::move(identity)),
      reader_(loop.limits),
      timer_(loop.io)
{}

void Connection::drain()
{
    keep_alive_ = false;
    stream_->end_reading(); // A request that is here is answered; one that is not can't be sent any more, and its client knows.
    if (state_ == State::reading && !writer_.busy())
        stream_->cancel(); // Whoever waits for bytes is not told that none will come: it must look again.
}

void Connection::close()
{
    timer_.cancel();
    if (stream_)
        stream_->close();
    loop_.remove(self());
}

void Connection::limit_request_time()
{
    if (timing_)
        return;
    timing_ = true;
    timer_.expires_after(loop_.limits.request_time);
    timer_.async_wait([self = self()](error_code error) {
        if (!error && self->state_ == State::reading && self->timing_)
            self->close();
    });
}

void Connection::read()
{
    state_ = State::reading;
    stream_->read_some(asio::buffer(chunk_), [self = self()](error_code error, std::size_t count) {
        if (error == asio::error::operation_aborted && self->loop_.tasks.contains(self))
            return self->read(); // By drain().
        if (error)
            return self->close();
        self->buffer_.append(self->chunk_.data(), count);
        self->advance();
    });
}

void Connection::advance()
{
    if (auto const refusal = reader_.feed(buffer_)) {
        keep_alive_ = false; // Where this request ends, and the next begins, is not known.
        return send(*refusal);
    }
    if (reader_.done())
        return dispatch();
    limit_request_time();
    if (reader_.wants_continue())
        return writer_.write("HTTP/1.1 100 Continue\r\n\r\n",
                             [self = self()](error_code error) { error ? self->close() : self->read(); });
    read();
}

void Connection::dispatch()
{
    timing_ = false;
    timer_.cancel();
    state_ = State::handling;
    keep_alive_ = keep_alive_ && reader_.keep_alive() && identity_.allowed && !loop_.stopping;
    auto request = std::make_shared<Request>(reader_.take());
    reader_ = RequestReader{loop_.limits};
    request->identity = identity_;
    head_only_ = request->method == "HEAD";
    handshake_ = {};
    handshake_.headers = request->headers;
    auto const target = std::move(request->path);
    if (auto const parsed = parse_target(target, *request); !parsed.ok())
        return send(error_response(parsed.error()));
    auto job = loop_.job([&api = loop_.api, request] { return api.handle(*request); },
                         [self = self()](Reply reply) { self->reply(std::move(reply)); });
    if (!loop_.pool.try_submit(std::move(job)))
        send(too_busy("too many requests are waiting"));
}

void Connection::reply(Reply reply)
{
    if (!loop_.tasks.contains(self()))
        return; // Closed meanwhile.
    if (const auto* const response = std::get_if<Response>(&reply))
        return send(*response);
    if (loop_.stopping)
        return send(error_response({base::Code::unavailable, "the server is stopping"}));
    if (loop_.streams >= loop_.limits.streams)
        return send(too_busy("too many watches, logs and sessions are open"));
    hand_over(std::move(reply));
}

void Connection::hand_over(Reply reply)
{
    std::shared_ptr<Task> next;
    if (auto* const body = std::get_if<StreamReply>(&reply)) {
        auto pump = std::make_shared<BodyPump>(loop_, std::move(stream_), std::move(*body));
        pump->start();
        next = std::move(pump);
    } else {
        auto const protocol = web_socket_protocol(handshake_); // The handler has seen that it is one.
        auto session = std::make_shared<WebSocketSession>(loop_, std::move(stream_), std::move(std::get<SessionReply>(reply)));
        session->start(web_socket_head(handshake_, protocol.value_or("")));
        next = std::move(session);
    }
    loop_.add(next);
    loop_.remove(self());
}

void Connection::send(const Response& response)
{
    state_ = State::writing;
    auto text = response_head(response, response.body.size(), keep_alive_);
    if (!head_only_)
        text += response.body;
    writer_.write(std::move(text), [self = self(), goes_on = keep_alive_](error_code error) {
        if (error || !goes_on) // As we said; its next request may be here already, though the server stops meanwhile.
            return self->close();
        if (self->buffer_.empty())
            self->buffer_.shrink_to_fit();
        self->state_ = State::reading;
        self->buffer_.empty() ? self->read() : self->advance(); // The next one may have come along.
    });
}

} // namespace nova::api::http
