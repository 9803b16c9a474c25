#include "keyspace/token.h"

#include <charconv>

#include "base/strings.h"
#include "keyspace/limits.h"

namespace nova::keyspace {
namespace {

constexpr auto revision_digits = 16;
constexpr auto mark = std::string_view{"1."};

template <typename Number>
bool parse_hex(std::string_view text, Number& number)
{
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return error == std::errc{} && end == text.data() + text.size();
}

} // namespace

std::string to_string(const Token& token)
{
    auto text = std::string{mark} + base::to_hex(token.revision, revision_digits) + ".";
    for (auto const byte : token.after)
        text += base::to_hex(static_cast<unsigned char>(byte), 2);
    return text;
}

Result<Token> parse_token(std::string_view text, std::string_view prefix)
{
    auto const foreign = base::Error{base::Code::invalid_argument, "the continue token is not one that this list gave"};
    constexpr auto head = mark.size() + revision_digits + 1;
    if (!text.starts_with(mark) || text.size() <= head || text[head - 1] != '.' || text.size() % 2 != head % 2 ||
        text.size() > head + 2 * limits::key_bytes_most)
        return foreign;
    Token token;
    if (!parse_hex(text.substr(mark.size(), revision_digits), token.revision))
        return foreign;
    for (auto place = head; place < text.size(); place += 2) {
        unsigned char byte = 0;
        if (!parse_hex(text.substr(place, 2), byte))
            return foreign;
        token.after.push_back(static_cast<char>(byte));
    }
    return token.after.starts_with(prefix) ? Result<Token>{std::move(token)} : Result<Token>{foreign};
}

} // namespace nova::keyspace
