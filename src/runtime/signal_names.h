#pragma once

#include <string_view>

#include "base/result.h"

namespace nova::runtime {

/// "TERM", "SIGTERM", "15", "RTMIN+3". Errors: invalid_argument.
base::Result<int> parse_signal(std::string_view text);

} // namespace nova::runtime
