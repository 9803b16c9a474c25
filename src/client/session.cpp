#include "client/session.h"

#include <poll.h>
#include <unistd.h>

#include <array>

#include "base/strings.h"
#include "base/websocket_frame.h"
#include "client/http_connection.h"
#include "client/status.h"
#include "sys/file.h"

namespace nova::client {
namespace {

using nlohmann::json;

constexpr std::size_t most_frame = 4u << 20;
constexpr std::size_t piece_bytes = 32u << 10;
constexpr std::chrono::seconds detach_within{2}; ///< Though what was typed last may not be taken.
constexpr char in_channel = 0;
constexpr char out_channel = 1;
constexpr char err_channel = 2;
constexpr char status_channel = 3;
constexpr char resize_channel = 4;
constexpr char close_channel = static_cast<char>(255);

/// The exit code that a Status carries; empty where it failed otherwise.
std::optional<int> exit_code_of(const json& status)
{
    if (status.value("status", "") == "Success")
        return 0;
    auto const causes = status.value("/details/causes"_json_pointer, json::array());
    for (const auto& cause : causes)
        if (cause.is_object() && cause.value("reason", "") == "ExitCode")
            if (auto const code = base::parse_integer(cause.value("message", ""), 0, 255); code.ok())
                return static_cast<int>(code.value());
    return std::nullopt;
}

/// What we send may cross the session's end: then what is left to read says how it ended.
base::Status unless_over(base::Status sent) { return base::failed_with(sent, base::Code::unavailable) ? base::done() : sent; }

} // namespace

Session::Session(std::unique_ptr<HttpConnection> connection, std::string buffered)
    : connection_(std::move(connection)), buffer_(std::move(buffered))
{}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

int Session::fd() const { return connection_->fd(); }

base::Status Session::send(char channel, std::string_view text, base::Deadline deadline)
{
    mask_ = mask_ * 1664525 + 1013904223;
    return send_frame(
        base::encode_frame(base::FrameType::binary, std::string{channel}.append(text), base::Masking::client, mask_), deadline);
}

base::Status Session::send_frame(std::string frame, base::Deadline deadline)
{
    if (!pumping_)
        return connection_->write_raw(frame, deadline);
    unsent_ += frame;
    return send_unsent();
}

base::Status Session::send_unsent()
{
    auto const sent = connection_->write_some(unsent_);
    unsent_.erase(0, sent.ok() ? sent.value() : unsent_.size()); // There is nobody to send the rest to.
    TRY(sent);
    return base::done();
}

base::Status Session::write(std::string_view text, base::Deadline deadline)
{
    while (!text.empty()) {
        TRY(send(in_channel, text.substr(0, piece_bytes), deadline));
        text.remove_prefix(std::min(text.size(), piece_bytes));
    }
    return base::done();
}

base::Status Session::close_in() { return send(close_channel, std::string_view{"\0", 1}, base::Deadline::never()); }

base::Status Session::resize(std::uint16_t columns, std::uint16_t rows)
{
    return send(resize_channel, json{{"Width", columns}, {"Height", rows}}.dump(), base::Deadline::never());
}

base::Result<std::optional<Session::Output>> Session::take_buffered()
{
    while (!over_) {
        auto taken = TRY(base::take_frame(buffer_, base::Masking::server, most_frame));
        if (!taken)
            return std::optional<Output>{};
        if (taken->type == base::FrameType::ping) {
            TRY(send_frame(base::encode_frame(base::FrameType::pong, taken->payload, base::Masking::client, mask_),
                           base::Deadline::never()));
        } else if (taken->type == base::FrameType::close) {
            over_ = true;
        } else if (taken->type != base::FrameType::pong) {
            message_ += taken->payload;
            if (!taken->last)
                continue;
            auto output = TRY(handle(std::exchange(message_, {})));
            if (output)
                return output;
        }
    }
    return std::optional<Output>{};
}

base::Result<std::optional<Session::Output>> Session::handle(std::string message)
{
    if (message.size() <= 1)
        return std::optional<Output>{}; // The empty message that says: the session is up.
    char const channel = message[0];
    message.erase(0, 1);
    if (channel == out_channel || channel == err_channel)
        return std::optional{Output{channel == out_channel ? Source::out : Source::err, std::move(message)}};
    if (channel != status_channel)
        return std::optional<Output>{};
    auto const status = json::parse(message, nullptr, /*allow_exceptions=*/false);
    if (!status.is_object())
        return base::Error{base::Code::data_loss, "the server did not say how the session ended"};
    status_seen_ = true;
    if (auto const code = exit_code_of(status))
        exit_code_ = *code;
    else
        failure_ = error_of(status);
    return std::optional<Output>{};
}

base::Result<std::optional<Session::Output>> Session::next(base::Deadline deadline)
{
    while (!over_) {
        auto output = TRY(take_buffered());
        if (output || over_)
            return output;
        auto const bytes = TRY(connection_->read_raw(deadline));
        if (bytes.empty())
            over_ = true;
        buffer_ += bytes;
    }
    return std::optional<Output>{};
}

base::Result<int> Session::exit_code() const
{
    if (failure_)
        return *failure_;
    if (!status_seen_)
        return base::Error{base::Code::unavailable, "the connection ended before the session did"};
    return exit_code_;
}

base::Status Session::pump_in(const Pump& pump, Moves& moves)
{
    std::string text(piece_bytes, '\0');
    auto const count = ::read(pump.in, text.data(), text.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return base::done();
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    if (count <= 0) {
        moves.in_open = false;
        moves.in_ended = true;
        return unless_over(close_in());
    }
    if (pump.filter && pump.filter(text) == Typed::last) {
        moves.in_open = false;
        moves.detaches = true;
        moves.leave = base::Deadline::after(detach_within);
    }
    return unless_over(write(text));
}

base::Status Session::pump_out(const Pump& pump)
{
    auto const bytes = TRY(connection_->read_raw(base::Deadline::never()));
    if (bytes.empty())
        over_ = true;
    buffer_ += bytes;
    return show(pump);
}

base::Status Session::show(const Pump& pump)
{
    while (true) {
        auto const output = TRY(take_buffered());
        if (!output)
            return base::done();
        int const to = output->source == Source::out || pump.err < 0 ? pump.out : pump.err;
        if (to >= 0)
            TRY(sys::write_all(to, output->text));
    }
}

base::Result<int> Session::pump(const Pump& pump)
{
    Moves moves{.in_open = pump.in >= 0};
    pumping_ = true;
    if (!moves.in_open)
        TRY(unless_over(close_in()));
    TRY(show(pump)); // What came along with the handshake.
    while (!over_) {
        if (moves.in_ended && pump.after_input && unsent_.empty() && !moves.leave)
            moves.leave = base::Deadline::after(*pump.after_input);
        if ((moves.leave && moves.leave->passed()) || (moves.detaches && unsent_.empty()))
            return 0;
        // More input only when the last is sent; meanwhile we read on, for what we read may be what the other side waits for.
        auto const wanted = static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT);
        bool const reads_in = moves.in_open && unsent_.empty();
        std::array<pollfd, 3> polled{{{fd(), wanted, 0}, {reads_in ? pump.in : -1, POLLIN, 0}, {pump.wake, POLLIN, 0}}};
        int const patience = moves.leave ? moves.leave->poll_timeout_ms() : -1;
        if (::poll(polled.data(), polled.size(), patience) < 0 && errno != EINTR)
            return base::Error::from_errno("wait for the session");
        if ((polled[0].revents & POLLOUT) != 0)
            TRY(unless_over(send_unsent()));
        if ((polled[0].revents & ~POLLOUT) != 0)
            TRY(pump_out(pump));
        if (!over_ && polled[1].revents != 0)
            TRY(pump_in(pump, moves));
        if (!over_ && polled[2].revents != 0 && pump.on_wake)
            TRY(unless_over(pump.on_wake()));
    }
    return exit_code();
}

} // namespace nova::client
