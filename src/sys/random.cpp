#include "sys/random.h"

#include <sys/random.h>

#include "base/must.h"

namespace nova::sys {

std::string random_hex(std::size_t digits)
{
    std::string bytes((digits + 1) / 2, '\0');
    base::must(bytes.size() <= 256, "random_hex: more than getrandom gives in one piece");
    auto const count = ::getrandom(bytes.data(), bytes.size(), 0);
    base::must(count == static_cast<ssize_t>(bytes.size()), "getrandom failed");
    std::string text;
    for (unsigned char const byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 0xf];
    }
    text.resize(digits);
    return text;
}

std::string random_uuid()
{
    auto hex = random_hex(32);
    hex[12] = '4';
    hex[16] = "89ab"[hex[16] & 3];
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" + hex.substr(20);
}

} // namespace nova::sys
