#pragma once

#include <chrono>
#include <cstddef>

namespace nova::api {

/// Everything that could grow without end, by name.
struct Limits {
    std::size_t header_bytes = 32u << 10;
    std::size_t body_bytes = 3u << 20;
    std::size_t connections = 20000;          ///< More get 503 and are closed.
    std::size_t streams = 16000;              ///< Watches, logs and sessions together: each holds a connection. More get 429.
    std::size_t workers = 4;                  ///< Threads that run handlers.
    std::size_t queue = 512;                  ///< Requests that wait for a worker; more get 429.
    std::size_t frame_bytes = 1u << 20;       ///< One WebSocket message.
    std::size_t session_backlog = 256u << 10; ///< Output of a session that its client has not read; then its process has to wait.
    std::chrono::seconds request_time{30};    ///< From a request's first byte to its last.
    std::chrono::seconds stall{30};           ///< A whole answer of which the client takes nothing for so long is given up.
    std::chrono::seconds drain{5};            ///< stop(): what is in flight gets this long.
    std::chrono::milliseconds session_drain{500}; ///< A session's process ended but its output is still held open by another.
};

} // namespace nova::api
