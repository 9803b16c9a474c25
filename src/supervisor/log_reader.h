#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "supervisor/log_line.h"
#include "sys/inotify.h"
#include "sys/unique_fd.h"

namespace nova::supervisor {

using base::Result;
using base::Status;

enum class Follow { no, yes };

struct LogOptions {
    std::optional<std::size_t> tail{};       ///< Only this many of the lines that are there. Empty: all.
    std::optional<base::SystemTime> since{}; ///< Only lines not older.
    Follow follow = Follow::no;
};

/// Reads a log that the supervisor writes, from its oldest rotated file to its newest line, and goes on through rotations
/// while it is read. No line is lost or given twice, unless it is rotated away altogether before it was read. One thread.
///   auto reader = TRY(LogReader::open(path, {.tail = 10, .follow = Follow::yes}));
///   while (true) {
///       while (auto line = TRY(reader.next()))
///           ...
///       poll reader.fd()
///   }
class LogReader {
public:
    /// A log that does not exist yet is empty. Errors: not_found - with Follow::yes, when not even its directory exists.
    static Result<LogReader> open(const std::string& path, const LogOptions& options);

    /// The next line; empty: there is none now.
    Result<std::optional<LogLine>> next();

    /// With Follow::yes: readable when next() may have more. Else -1.
    int fd() const { return inotify_ ? inotify_->fd() : -1; }

private:
    struct File {
        sys::UniqueFd fd;
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::uint64_t offset = 0; ///< Of the first byte not yet given.
        bool is_same(const File& other) const { return device == other.device && inode == other.inode; }
    };

    explicit LogReader(std::string path) : path_(std::move(path)) {}
    static Result<std::optional<File>> open_one(const std::string& path);
    Result<std::deque<File>> open_all() const;
    std::deque<std::string> names() const;
    bool is_stable(const std::deque<std::string>& names, const std::deque<File>& files) const;
    Status skip_to_tail(std::size_t lines);
    Result<std::optional<LogLine>> next_line();
    bool take_line(LogLine& line);
    Result<bool> read_more();
    Result<bool> advance();
    Status find_newer();
    bool is_rotated() const;
    void watch_current();

    std::string path_;
    std::string since_; ///< As the lines have it.
    std::optional<sys::Inotify> inotify_;
    int watched_ = -1;
    std::optional<File> current_;
    std::deque<File> newer_;
    std::string buffer_; ///< From head_ on: the bytes at current_'s offset.
    std::size_t head_ = 0;
    std::size_t scanned_ = 0; ///< Up to here the buffer is known to hold no line feed behind head_.
};

} // namespace nova::supervisor
