#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sys/local_socket.h" // peer_of
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

enum class SocketKind {
    stream,  ///< Bytes.
    packets, ///< Messages with their borders kept, in order (SOCK_SEQPACKET).
};
enum class SocketMode { blocking, nonblocking };

/// Binds and listens. A path may be longer than the 107 bytes of sockaddr_un. A socket file that nobody listens on any more is
/// replaced; where two may try at once, hold a lock of your own around it. The file's mode is set before anyone can connect.
/// Errors: already_exists - somebody listens there.
Result<UniqueFd> listen_unix(const std::string& path, SocketKind kind, unsigned mode = 0600);

/// `patience`: see limit_sending; else there is no bound.
/// Errors: not_found - no such file; unavailable - nobody listens; deadline_exceeded - it lets nobody in.
Result<UniqueFd> connect_unix(const std::string& path, SocketKind kind,
                              std::optional<std::chrono::seconds> patience = std::nullopt);

/// The next connection; close-on-exec. Empty: none waits (with a nonblocking listener).
Result<std::optional<UniqueFd>> accept_unix(int listener, SocketMode mode = SocketMode::blocking);

/// Two connected ends.
Result<std::pair<UniqueFd, UniqueFd>> socket_pair(SocketKind kind);

Status set_nonblocking(int fd);

/// One message with the descriptors that came with it.
struct Message {
    std::string text;
    std::vector<UniqueFd> fds;
};

constexpr std::size_t most_fds_per_message = 16;

/// Sends one message; no SIGPIPE. The descriptors stay ours.
/// Errors: unavailable - the other end is gone, or (nonblocking) its queue is full: errnum() is EAGAIN then.
Status send_message(int socket, std::string_view text, std::span<const int> fds = {});

/// Receives one message; empty at the end of the connection.
/// Errors: unavailable with errnum() EAGAIN - none waits (nonblocking); resource_exhausted - longer than `most`: it was thrown
/// away with its descriptors.
Result<std::optional<Message>> receive_message(int socket, std::size_t most = 256u << 10);

/// Receives one descriptor that was sent over a stream socket with any few bytes, as runc's --console-socket has it.
/// Errors: unavailable with errnum() EAGAIN - none came yet (nonblocking); failed_precondition - bytes or the end without one.
Result<UniqueFd> receive_fd(int stream);

} // namespace nova::sys
