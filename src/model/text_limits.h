#pragma once

#include <cstddef>
#include <string_view>

/// How large and how deep a text that we parse may be: far above what a person writes, far below what exhausts the daemon.
namespace nova::model {

constexpr std::size_t most_text = 16u << 20;    ///< Bytes.
constexpr std::size_t most_novafile = 1u << 20; ///< Bytes. A person writes some KiB.
constexpr std::size_t most_nested = 64;         ///< Levels of objects and lists.
constexpr std::size_t most_nodes = 1u << 20;    ///< Values after aliases are followed.

/// Where a text stops being UTF-8 (RFC 3629: shortest forms, no surrogates); npos where all of it is.
std::size_t find_no_utf8(std::string_view text);

/// Where a text that a person writes has a byte that can't stand there: no UTF-8, or a control character that is no white space.
/// npos where all is well. The libraries behind us fail in their own ways on these (an assertion, a value that does not read
/// back).
std::size_t find_bad_byte(std::string_view text);

} // namespace nova::model
