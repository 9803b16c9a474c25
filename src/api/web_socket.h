#pragma once

#include <optional>
#include <string>

#include "api/message.h"

namespace nova::api {

/// The channels of v5.channel.k8s.io: the first byte of each message.
enum class Channel : std::uint8_t { in = 0, out = 1, err = 2, status = 3, resize = 4, close = 255 };

/// The subprotocol to answer a handshake with: "v5.channel.k8s.io" or v4, empty where the client named none.
/// No value: it is no WebSocket handshake, or only for protocols we do not speak.
std::optional<std::string> web_socket_protocol(const Request& request);

/// "HTTP/1.1 101 Switching Protocols" with its headers.
std::string web_socket_head(const Request& request, const std::string& protocol);

/// The Status that ends a session: Success, or NonZeroExitCode with the code as a cause.
json exit_status(int code);

} // namespace nova::api
