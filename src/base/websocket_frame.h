#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// WebSocket (RFC 6455) as bytes: what a frame looks like and what the handshake answers. No input or output.
namespace nova::base {

enum class FrameType : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct WebSocketFrame {
    FrameType type = FrameType::binary;
    bool last = true; ///< FIN: the message ends here.
    std::string payload;
};

enum class Masking { client, server }; ///< Whose frames: a client's are masked, a server's are not.

/// The bytes of one whole frame. A client's mask is `mask`; it guards proxies, not secrets.
std::string encode_frame(FrameType type, std::string_view payload, Masking masking, std::uint32_t mask = 0);

/// Takes the first whole frame off the front of `buffer`; empty where more bytes are needed.
/// Errors: invalid_argument - reserved bits, unknown type, wrong masking for `sender`, a control frame that is long or in parts,
/// or a payload over `most` bytes.
Result<std::optional<WebSocketFrame>> take_frame(std::string& buffer, Masking sender, std::size_t most);

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

std::string to_base64(std::string_view bytes);

} // namespace nova::base
