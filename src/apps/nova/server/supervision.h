#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "apps/nova/server/places.h"
#include "supervisor/client.h"

namespace nova::app {

/// Connects to the supervisor, starting one where there is none. One that an older Nova left is replaced in place by the program
/// that we carry: it keeps its pid, and everything that runs runs on. `program` is the sealed copy of `image`.
Result<std::unique_ptr<supervisor::Client>> reach_supervisor(const Layout& layout, const sys::UniqueFd& program,
                                                             std::span<const std::byte> image);

} // namespace nova::app
