#pragma once

#include <string_view>

namespace nova::base {

enum class LogLevel { debug, info, warning, error };

/// Lines below this level are dropped. Default: info. Safe from any thread.
void set_log_level(LogLevel level);

/// Writes one line to stderr with time and level, in one write(2), so that lines of several threads never mix.
/// An error is logged once, where it is handled; never where it is passed on.
void log(LogLevel level, std::string_view line);

inline void log_debug(std::string_view line) { log(LogLevel::debug, line); }
inline void log_info(std::string_view line) { log(LogLevel::info, line); }
inline void log_warning(std::string_view line) { log(LogLevel::warning, line); }
inline void log_error(std::string_view line) { log(LogLevel::error, line); }

} // namespace nova::base
