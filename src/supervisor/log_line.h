#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nova::supervisor {

/// Whether a line of a log is one that was written, or a part of one.
enum class Part {
    full,    ///< The whole line, or the last part of one.
    partial, ///< The line goes on in the next of the same stream, or its writer ended without a line feed.
};

/// One line of a log: "2026-11-21T05:20:39.123456789Z stdout F text", as Kubernetes' container runtimes write it.
struct LogLine {
    std::string time;   ///< RFC 3339 in UTC, nine digits: text order is time order.
    std::string stream; ///< stdout, stderr or console.
    Part part = Part::full;
    std::string text; ///< Any bytes but line feeds.
    bool operator==(const LogLine&) const = default;
};

/// With the line feed.
std::string to_string(const LogLine& line);

/// Without the line feed. Empty: it is no line of a log.
std::optional<LogLine> parse_log_line(std::string_view text);

} // namespace nova::supervisor
