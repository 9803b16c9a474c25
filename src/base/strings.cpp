#include "base/strings.h"

#include <charconv>
#include <cstdint>

namespace nova::base {

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    while (true) {
        auto const end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator)
{
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i)
        text += (i == 0 ? "" : std::string{separator}) + parts[i];
    return text;
}

std::string trim(std::string_view text)
{
    constexpr std::string_view white = " \t\r\n\f\v";
    auto const first = text.find_first_not_of(white);
    if (first == std::string_view::npos)
        return {};
    return std::string{text.substr(first, text.find_last_not_of(white) - first + 1)};
}

Result<long long> parse_integer(std::string_view text, long long least, long long most)
{
    long long number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || number < least || number > most)
        return Error{Code::invalid_argument, "\"" + std::string{text.substr(0, 40)} + "\" is no whole number from " +
                                                 std::to_string(least) + " to " + std::to_string(most)};
    return number;
}

std::uint64_t stable_hash(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325;
    for (unsigned char const character : text)
        hash = (hash ^ character) * 0x100000001b3;
    return hash;
}

std::string to_hex(std::uint64_t number, int digits)
{
    std::string text;
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
        text += "0123456789abcdef"[(number >> shift) & 0xf];
    return text;
}

bool is_dns_label(std::string_view text)
{
    if (text.empty() || text.size() > 63 || text.front() == '-' || text.back() == '-')
        return false;
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

bool is_dns_subdomain(std::string_view text)
{
    if (text.size() > 253)
        return false;
    for (const auto& label : split(text, '.'))
        if (!is_dns_label(label))
            return false;
    return true;
}

} // namespace nova::base
