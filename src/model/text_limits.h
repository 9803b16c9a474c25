#pragma once

#include <cstddef>

/// How large and how deep a text that we parse may be: far above what a person writes, far below what exhausts the daemon.
namespace nova::model {

constexpr std::size_t most_text = 16u << 20; ///< Bytes.
constexpr std::size_t most_nested = 64;      ///< Levels of objects and lists.
constexpr std::size_t most_nodes = 1u << 20; ///< Values after aliases are followed.

} // namespace nova::model
