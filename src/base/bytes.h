#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nova::base {

/// A number of bytes.
struct Bytes {
    std::uint64_t count = 0;
    auto operator<=>(const Bytes&) const = default;
};

/// "512Mi", "16Gi" (binary: Ki Mi Gi Ti Pi), "20G" (decimal: k K M G T P), "4096" (bytes), "1.5Gi".
/// Errors: invalid_argument - no number, another suffix, negative, or more than 2^63 - 1 bytes.
Result<Bytes> parse_bytes(std::string_view text);

/// The shortest exact form: "16Gi", "20G", "4097". Binary where both are as short. parse_bytes reads it back.
std::string to_string(Bytes bytes);

} // namespace nova::base
