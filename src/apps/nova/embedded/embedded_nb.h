#pragma once

#include <cstddef>
#include <span>

namespace nova::app {

/// The program nb as it was built with us, without debug information.
std::span<const std::byte> embedded_nb();

} // namespace nova::app
