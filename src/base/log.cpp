#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <string>

#include "base/clock.h"

namespace nova::base {
namespace {

std::atomic<LogLevel> lowest{LogLevel::info};

std::string_view name(LogLevel level)
{
    switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
    }
    return "error";
}

} // namespace

void set_log_level(LogLevel level) { lowest = level; }

void log(LogLevel level, std::string_view line)
{
    if (level < lowest.load())
        return;
    auto text = to_rfc3339(system_clock().now(), 3) + " " + std::string{name(level)} + " " + std::string{line} + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr); // stderr is unbuffered: one write.
}

} // namespace nova::base
