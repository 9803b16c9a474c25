#include "api/http/request_reader.h"

#include "api/http/asio.h"
#include "api/status.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace nova::api::http {
namespace {

namespace beast_http = boost::beast::http;

std::string lower(std::string_view text)
{
    std::string lowered{text};
    for (char& character : lowered)
        if (character >= 'A' && character <= 'Z')
            character = static_cast<char>(character - 'A' + 'a');
    return lowered;
}

Response header_too_large(std::size_t most)
{
    return json_response(status_object(HttpError{431, "RequestHeaderFieldsTooLarge"},
                                       "the request's header is over the limit of " + std::to_string(most) + " bytes"),
                         431);
}

} // namespace

struct RequestReader::Parser {
    beast_http::request_parser<beast_http::string_body> http;
};

RequestReader::RequestReader(const Limits& limits) : limits_(limits), parser_(std::make_unique<Parser>())
{
    parser_->http.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    parser_->http.body_limit(limits.body_bytes);
    parser_->http.eager(true);
}

RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;
RequestReader::~RequestReader() = default;

std::optional<Response> RequestReader::feed(std::string& buffer)
{
    while (!done() && !buffer.empty()) {
        error_code error;
        auto const used = parser_->http.put(asio::buffer(buffer), error);
        buffer.erase(0, used);
        if (error == beast_http::error::header_limit)
            return header_too_large(limits_.header_bytes);
        if (error == beast_http::error::body_limit)
            return too_large(limits_.body_bytes);
        if (error && error != beast_http::error::need_more)
            return bad_request("malformed HTTP: " + error.message());
        if (started() && !head_checked_)
            if (auto refusal = check_head())
                return refusal;
        if (error == beast_http::error::need_more || used == 0)
            return std::nullopt;
    }
    return std::nullopt;
}

/// What the parser lets through, but what two readers of the same bytes could understand differently.
std::optional<Response> RequestReader::check_head()
{
    head_checked_ = true;
    const auto& head = parser_->http.get();
    if (head.version() != 11 && head.version() != 10)
        return bad_request("only HTTP/1.0 and HTTP/1.1 are spoken here");
    if (head.count(beast_http::field::transfer_encoding) > 0 && !parser_->http.chunked())
        return bad_request("Transfer-Encoding must be chunked and nothing else");
    if (head.count(beast_http::field::transfer_encoding) > 0 && head.version() == 10)
        return bad_request("HTTP/1.0 has no Transfer-Encoding");
    if (head.count(beast_http::field::host) > 1 || (head.version() == 11 && head.count(beast_http::field::host) == 0))
        return bad_request("exactly one Host header is needed");
    return std::nullopt;
}

bool RequestReader::started() const { return parser_->http.is_header_done(); }
bool RequestReader::done() const { return parser_->http.is_done(); }
bool RequestReader::keep_alive() const { return parser_->http.keep_alive(); }

bool RequestReader::wants_continue()
{
    if (!started() || done() || continued_)
        return false;
    continued_ = true;
    return lower(parser_->http.get()[beast_http::field::expect]) == "100-continue";
}

Request RequestReader::take()
{
    auto message = parser_->http.release();
    Request request;
    request.method = std::string{message.method_string()};
    request.path = std::string{message.target()}; // The connection splits it: what is wrong with it deserves an answer.
    for (const auto& field : message) {
        auto& value = request.headers[lower(field.name_string())];
        value += (value.empty() ? "" : ", ") + std::string{field.value()};
    }
    request.body = std::move(message.body());
    return request;
}

const char* reason_phrase(int status)
{
    auto const text = beast_http::obsolete_reason(static_cast<beast_http::status>(status));
    return text.data(); // Points at a literal.
}

std::string response_head(const Response& response, std::optional<std::size_t> length, bool keep_alive)
{
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + reason_phrase(response.status) + "\r\n";
    if (!response.content_type.empty())
        head += "Content-Type: " + response.content_type + "\r\n";
    for (const auto& [name, value] : response.headers)
        head += name + ": " + value + "\r\n";
    head += length ? "Content-Length: " + std::to_string(*length) + "\r\n" : std::string{"Transfer-Encoding: chunked\r\n"};
    head += keep_alive ? "Cache-Control: no-cache\r\n" : "Cache-Control: no-cache\r\nConnection: close\r\n";
    return head + "\r\n";
}

} // namespace nova::api::http
