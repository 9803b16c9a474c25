#include "model/text_limits.h"

#include <algorithm>
#include <cstdint>

namespace nova::model {
namespace {

/// The length of the character that begins here; 0 where none does.
std::size_t character_length(std::string_view text)
{
    auto const byte = [&](std::size_t i) -> std::uint32_t { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
    auto const first = byte(0);
    if (first < 0x80)
        return 1;
    auto const length = first >= 0xf0 && first < 0xf5   ? 4u
                        : first >= 0xe0 && first < 0xf0 ? 3u
                        : first >= 0xc2 && first < 0xe0 ? 2u
                                                        : 0u;
    std::uint32_t point = length == 4 ? first & 0x07 : length == 3 ? first & 0x0f : first & 0x1f;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (byte(i) & 0x3f);
    }
    auto const too_long = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    return too_long || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : length;
}

} // namespace

std::size_t find_no_utf8(std::string_view text)
{
    for (std::size_t at = 0; at < text.size();) {
        auto const length = character_length(text.substr(at, 4));
        if (length == 0)
            return at;
        at += length;
    }
    return std::string_view::npos;
}

std::size_t find_bad_byte(std::string_view text)
{
    auto const is_control = [](char character) {
        auto const byte = static_cast<unsigned char>(character);
        return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    };
    auto const found = std::find_if(text.begin(), text.end(), is_control);
    auto const control = found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
    return std::min(control, find_no_utf8(text));
}

} // namespace nova::model
