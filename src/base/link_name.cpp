#include "base/link_name.h"

#include <algorithm>

namespace nova::base {

bool is_link_name(std::string_view text)
{
    constexpr std::size_t longest = 15; // IFNAMSIZ with its NUL.
    auto const allowed = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '%' && c != '"'; };
    return !text.empty() && text.size() <= longest && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(), allowed);
}

bool is_reserved_link_name(std::string_view text) { return text == "lo" || text == "all" || text == "default"; }

} // namespace nova::base
