#pragma once

#include <string_view>

namespace nova::base {

/// What a network interface may be called here: 1 to 15 printable characters without slash, white space, colon, quote or '%';
/// not "." or "..".
bool is_link_name(std::string_view text);

/// Names that no link of ours can have: the loopback's, and those that mean all links in /proc/sys/net.
bool is_reserved_link_name(std::string_view text);

} // namespace nova::base
