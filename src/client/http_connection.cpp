#include "client/http_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <charconv>

#include "base/strings.h"
#include "sys/local_socket.h"

namespace nova::client {
namespace {

constexpr std::chrono::seconds let_in_within{30};
constexpr std::size_t most_line = 16u << 10;
constexpr std::size_t most_headers = 100;
constexpr std::uint64_t most_chunk = 1ull << 30;

base::Error bad_http(const char* what) { return {base::Code::data_loss, std::string{"the server's answer is no HTTP: "} + what}; }

base::Error went_away() { return {base::Code::unavailable, "the server closed the connection"}; }

Status wait_for(int fd, short events, Deadline deadline)
{
    while (true) {
        pollfd one{fd, events, 0};
        int const ready = ::poll(&one, 1, deadline.poll_timeout_ms());
        if (ready > 0)
            return base::done();
        if (ready == 0)
            return base::Error{base::Code::deadline_exceeded, "the server did not answer in time"};
        if (errno != EINTR)
            return base::Error::from_errno("wait for the server");
    }
}

std::string lower(std::string text)
{
    for (char& character : text)
        if (character >= 'A' && character <= 'Z')
            character = static_cast<char>(character - 'A' + 'a');
    return text;
}

Result<std::uint64_t> parse_number(std::string_view text, int base)
{
    std::uint64_t number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
        return bad_http("bad length");
    return number;
}

Result<int> parse_status_line(std::string_view line)
{
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ')
        return bad_http("bad status line");
    return static_cast<int>(TRY(parse_number(line.substr(9, 3), 10)));
}

} // namespace

std::string Head::header(const std::string& name) const
{
    auto const found = headers.find(name);
    return found != headers.end() ? found->second : std::string{};
}

Result<HttpConnection> HttpConnection::connect(const std::string& socket)
{
    auto connected = sys::connect_local(socket, let_in_within);
    if (failed_with(connected, base::Code::not_found)) // It is no object that was not found.
        return base::Error{base::Code::unavailable, connected.error().message()};
    return HttpConnection{TRY(std::move(connected))};
}

Status HttpConnection::send(const Request& request, Deadline deadline, const std::string& extra)
{
    std::string text =
        request.method + " " + request.target() + " HTTP/1.1\r\nHost: nova\r\nUser-Agent: nova/" NOVA_VERSION "\r\n";
    text += "Accept: " + (request.accept.empty() ? "application/json" : request.accept) + "\r\n";
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH")
        text += "Content-Type: " + (request.content_type.empty() ? "application/json" : request.content_type) +
                "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
    text += extra + "\r\n" + request.body;
    no_body_ = request.method == "HEAD";
    return write_raw(text, deadline);
}

Status HttpConnection::write_raw(std::string_view text, Deadline deadline)
{
    while (true) {
        text.remove_prefix(TRY(write_some(text)));
        if (text.empty())
            return base::done();
        TRY(wait_for(socket_.get(), POLLOUT, deadline));
    }
}

Result<std::size_t> HttpConnection::write_some(std::string_view text)
{
    std::size_t done = 0;
    while (done < text.size()) {
        auto const sent = ::send(socket_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            done += static_cast<std::size_t>(sent);
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            return base::Error::from_errno("send to the server");
    }
    return done;
}

Status HttpConnection::fill(Deadline deadline)
{
    std::array<char, 65536> chunk;
    while (true) {
        auto const count = ::recv(socket_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (count > 0)
            buffer_.append(chunk.data(), static_cast<std::size_t>(count));
        if (count == 0 || (count < 0 && errno == ECONNRESET))
            closed_ = true;
        if (count >= 0 || closed_)
            return base::done();
        if (errno == EAGAIN)
            TRY(wait_for(socket_.get(), POLLIN, deadline));
        else if (errno != EINTR)
            return base::Error::from_errno("receive from the server");
    }
}

Result<std::string> HttpConnection::read_line(Deadline deadline, std::size_t most)
{
    while (true) {
        if (auto const end = buffer_.find("\r\n"); end != std::string::npos) {
            auto line = buffer_.substr(0, end);
            buffer_.erase(0, end + 2);
            return line;
        }
        if (buffer_.size() > most)
            return bad_http("a line is too long");
        if (closed_)
            return went_away();
        TRY(fill(deadline));
    }
}

Result<Head> HttpConnection::read_head(Deadline deadline)
{
    while (true) {
        Head head;
        auto line = TRY(read_line(deadline, most_line));
        head.status = TRY(parse_status_line(line));
        while (true) {
            line = TRY(read_line(deadline, most_line));
            if (line.empty())
                break;
            auto const colon = line.find(':');
            if (colon == std::string::npos || head.headers.size() >= most_headers)
                return bad_http("bad headers");
            head.headers[lower(line.substr(0, colon))] = base::trim(std::string_view{line}.substr(colon + 1));
        }
        if (head.status >= 200 || head.status == 101) {
            TRY(choose_body(head));
            return head;
        }
    }
}

Status HttpConnection::choose_body(const Head& head)
{
    keep_alive_ = lower(head.header("connection")) != "close";
    left_ = 0;
    auto const length = head.header("content-length");
    if (head.status == 101 || head.status == 204 || head.status == 304 || no_body_) {
        body_ = Body::none;
    } else if (!head.header("transfer-encoding").empty()) {
        if (lower(head.header("transfer-encoding")) != "chunked" || !length.empty())
            return bad_http("its length is not clear");
        body_ = Body::chunked;
    } else if (!length.empty()) {
        left_ = TRY(parse_number(length, 10));
        body_ = left_ > 0 ? Body::length : Body::none;
    } else {
        body_ = Body::until_close;
        keep_alive_ = false;
    }
    return base::done();
}

Result<std::string> HttpConnection::take(std::uint64_t most, Deadline deadline)
{
    if (buffer_.empty() && !closed_)
        TRY(fill(deadline));
    auto const count = static_cast<std::size_t>(std::min<std::uint64_t>(most, buffer_.size()));
    auto piece = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return piece;
}

/// Reads the size of the next chunk; the last one, and what trails it, ends the body.
Status HttpConnection::next_chunk(Deadline deadline)
{
    auto const line = TRY(read_line(deadline, most_line));
    left_ = TRY(parse_number(std::string_view{line}.substr(0, line.find(';')), 16));
    if (left_ > most_chunk)
        return bad_http("a chunk is too long");
    if (left_ > 0)
        return base::done();
    while (!TRY(read_line(deadline, most_line)).empty()) {
    }
    body_ = Body::none;
    return base::done();
}

Result<std::string> HttpConnection::read_some(Deadline deadline)
{
    if (body_ == Body::chunked && left_ == 0)
        TRY(next_chunk(deadline));
    if (body_ == Body::none)
        return std::string{};
    auto piece = TRY(take(body_ == Body::until_close ? most_chunk : left_, deadline));
    if (body_ == Body::until_close)
        return piece;
    if (piece.empty())
        return went_away();
    left_ -= piece.size();
    if (left_ > 0)
        return piece;
    if (body_ == Body::length)
        body_ = Body::none;
    else if (!TRY(read_line(deadline, 2)).empty())
        return bad_http("bad end of a chunk");
    return piece;
}

Result<std::string> HttpConnection::read_body(Deadline deadline, std::size_t most)
{
    std::string body;
    while (true) {
        auto const piece = TRY(read_some(deadline));
        if (piece.empty())
            return body;
        body += piece;
        if (body.size() > most)
            return base::Error{base::Code::resource_exhausted, "the server's answer is over " + std::to_string(most) + " bytes"};
    }
}

bool HttpConnection::reusable() const
{
    if (!keep_alive_ || closed_ || body_ != Body::none || !buffer_.empty())
        return false;
    pollfd one{socket_.get(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 0; // Anything to read now is the server's farewell.
}

Result<std::string> HttpConnection::read_raw(Deadline deadline)
{
    if (buffer_.empty() && !closed_)
        TRY(fill(deadline));
    return std::exchange(buffer_, {});
}

} // namespace nova::client
