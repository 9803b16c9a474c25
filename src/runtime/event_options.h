#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/cgroup_watch.h"

namespace nova::runtime {

using base::Result;

/// "5s", "500ms", "1m30s", "2h": a time as runc takes it. A number alone is seconds.
/// Errors: invalid_argument - not understood, nothing, or more than a day.
Result<std::chrono::microseconds> parse_duration(const std::string& text);

/// One resource whose pressure shall be told.
struct PressureWish {
    std::string resource; ///< cpu, memory, io
    sys::PressureLevel level;
};

/// "memory", "io:full", "memory:some:150ms/1s"; several with commas between.
/// Errors: invalid_argument.
Result<std::vector<PressureWish>> parse_pressure(const std::string& text);

} // namespace nova::runtime
