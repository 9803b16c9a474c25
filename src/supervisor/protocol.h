#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

/// What client and supervisor say to each other: JSON messages of a SOCK_SEQPACKET socket, descriptors beside them.
///   request  {"version": 1, "call": "start", ...}
///   answer   {"ok": ...} or {"error": {"code": "not_found", "message": "..."}}
///   news     {"changed": "pod.default.web"}, on a connection that has made the call "subscribe"
namespace nova::supervisor {

using base::Result;

constexpr int protocol_version = 1;
constexpr std::size_t most_message_bytes = 256u << 10;
constexpr std::size_t most_statuses_per_message = 400;

std::string socket_path(const std::string& directory);

std::string to_text(const nlohmann::json& message);
std::string error_answer(const base::Error& error);

/// The content of "ok". Errors: that of the answer; internal - it is no answer.
Result<nlohmann::json> parse_answer(std::string_view text);

} // namespace nova::supervisor
