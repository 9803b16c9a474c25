#include "client/request.h"

namespace nova::client {
namespace {

bool is_unreserved(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '.' || character == '_' || character == '~';
}

std::string shell_quote(std::string_view text)
{
    std::string quoted = "'";
    for (char const character : text)
        quoted += character == '\'' ? std::string{"'\\''"} : std::string{character};
    return quoted + "'";
}

} // namespace

std::string percent_encode(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (char const character : text) {
        auto const byte = static_cast<unsigned char>(character);
        if (is_unreserved(character))
            encoded += character;
        else
            encoded.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return encoded;
}

Request Request::with(std::string name, std::string value) &&
{
    if (!value.empty())
        query.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
}

std::string Request::target() const
{
    std::string text = path;
    char separator = '?';
    for (const auto& [name, value] : query) {
        text.append(1, separator).append(percent_encode(name)).append("=").append(percent_encode(value));
        separator = '&';
    }
    return text;
}

std::string Request::to_curl(const std::string& socket) const
{
    std::string text = "curl --unix-socket " + shell_quote(socket);
    if (method != "GET")
        text += " -X " + method;
    if (!accept.empty())
        text += " -H " + shell_quote("Accept: " + accept);
    if (!body.empty())
        text += " -H " + shell_quote("Content-Type: " + (content_type.empty() ? "application/json" : content_type)) +
                " --data-binary " + shell_quote(body);
    return text + " " + shell_quote("http://nova" + target());
}

} // namespace nova::client
