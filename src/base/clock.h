#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nova::base {

using SystemTime = std::chrono::sys_time<std::chrono::nanoseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

/// Where time comes from; tests put their own in its place.
class Clock {
public:
    virtual ~Clock() = default;
    virtual SystemTime now() const = 0;    ///< Wall time, for records.
    virtual SteadyTime steady() const = 0; ///< For waiting and measuring.
};

/// The machine's clocks. Lives as long as the process.
const Clock& system_clock();

/// Has a moment by which something must have happened.
class Deadline {
public:
    static Deadline after(std::chrono::nanoseconds time) { return Deadline{std::chrono::steady_clock::now() + time}; }
    static Deadline never() { return Deadline{SteadyTime::max()}; }

    bool passed() const { return std::chrono::steady_clock::now() >= at_; }
    SteadyTime at() const { return at_; }

    /// What is left, 0 when passed, as poll(2) wants it: whole milliseconds rounded up, -1 for never.
    int poll_timeout_ms() const;

private:
    explicit Deadline(SteadyTime at) : at_(at) {}
    SteadyTime at_;
};

/// RFC 3339 in UTC with nanoseconds cut to the given digits: "2026-11-21T05:20:39Z" for 0, "…39.123456789Z" for 9.
std::string to_rfc3339(SystemTime time, int digits = 0);

/// The inverse: any number of digits, "Z" or an offset. Errors: invalid_argument.
Result<SystemTime> parse_rfc3339(std::string_view text);

} // namespace nova::base
