#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// Messages of D-Bus, as much of it as talking to systemd takes (docs/adr). Little-endian, as every host is that we run on.
/// Source: D-Bus specification 0.43, "Marshaling" and "Message Protocol".
namespace nova::sys {

using base::Result;
using base::Status;

/// Writes the body of a message, front to back. The caller keeps to the signature that he gives.
class BusWriter {
public:
    void byte(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
    void boolean(bool value) { number(std::uint32_t{value}); }
    template <typename Number>
    void number(Number value) ///< Of 16, 32 or 64 bits, or a double.
    {
        static_assert(sizeof value > 1);
        align(sizeof value);
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void text(std::string_view value); ///< string, or object path
    void signature(std::string_view value);
    void begin_struct() { align(8); }

    /// An array: `alignment` is that of its elements. Between these its elements are written.
    std::size_t begin_array(std::size_t alignment);
    void end_array(std::size_t mark);

    const std::string& bytes() const { return bytes_; }

private:
    void align(std::size_t to);
    std::string bytes_;
    std::vector<std::size_t> starts_; ///< Of the elements of the arrays that are open.
};

/// Reads what somebody else wrote: whatever it is, nothing is read beyond its end.
/// Errors of all: invalid_argument - cut off, or not what it must be.
class BusReader {
public:
    explicit BusReader(std::string_view bytes) : bytes_(bytes) {}

    Result<std::uint8_t> byte();
    Result<std::uint32_t> number32();
    Result<std::uint64_t> number64();
    Result<std::string> text();
    Result<std::string> signature();
    Status align(std::size_t to); ///< Errors: the padding is not zero.

    std::size_t position() const { return at_; }
    bool at_end() const { return at_ == bytes_.size(); }

private:
    Result<std::string_view> take(std::size_t size);
    std::string_view bytes_;
    std::size_t at_ = 0;
};

enum class BusMessageType : std::uint8_t { call = 1, reply = 2, error = 3, signal = 4 };

struct BusMessage {
    BusMessageType type = BusMessageType::call;
    std::uint32_t serial = 0;
    std::uint32_t reply_serial = 0;
    std::string path{};
    std::string interface {};
    std::string member{};
    std::string error_name{};
    std::string destination{};
    std::string signature{}; ///< Of the body.
    std::string body{};
};

constexpr std::size_t most_bus_message = 1u << 20; ///< The specification allows 128 MiB; what we ask for takes far less.
constexpr std::size_t bus_header_size = 16;        ///< So many bytes tell how long the message is.

std::string to_bytes(const BusMessage& message);

/// The size of the whole message, from its first 16 bytes.
/// Errors: invalid_argument - not D-Bus, or big-endian; resource_exhausted - longer than most_bus_message.
Result<std::size_t> bus_message_size(std::string_view header);

/// Errors: invalid_argument.
Result<BusMessage> parse_bus_message(std::string_view bytes);

} // namespace nova::sys
