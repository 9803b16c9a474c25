#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nova::runtime {

/// A message of protocol buffers as bytes, for criu's few. Fields are told by their numbers.
class WireMessage {
public:
    WireMessage& number(unsigned field, std::uint64_t value);
    WireMessage& flag(unsigned field, bool value) { return value ? number(field, 1) : *this; } ///< Left out where false.
    WireMessage& text(unsigned field, std::string_view value);
    WireMessage& message(unsigned field, const WireMessage& value) { return text(field, value.bytes_); }

    const std::string& bytes() const { return bytes_; }

private:
    void varint(std::uint64_t value);
    std::string bytes_;
};

/// One field that was read: a number, or the bytes of a text or an inner message.
struct WireField {
    unsigned field = 0;
    std::uint64_t number = 0;
    std::string_view bytes;
};

/// The views point into `bytes`. Errors: data_loss - cut short, or of a form that is not used here.
base::Result<std::vector<WireField>> parse_wire_message(std::string_view bytes);

} // namespace nova::runtime
