#include "supervisor/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/strings.h"
#include "sys/file.h"

namespace nova::supervisor {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t chunk_size = 64 * 1024;
constexpr int most_attempts = 100; ///< To see the files between two rotations.

std::string parent_of(const std::string& path) { return std::filesystem::path{path}.parent_path().string(); }

/// Where the last `lines` lines of a file begin; `lines` becomes how many are still missing.
Result<std::uint64_t> find_tail(int fd, std::size_t& lines)
{
    struct stat found {};
    if (::fstat(fd, &found) < 0)
        return Error::from_errno("look at a log");
    auto end = static_cast<std::uint64_t>(found.st_size);
    auto const whole = end;
    std::string chunk;
    while (end > 0) {
        auto const begin = end > chunk_size ? end - chunk_size : 0;
        chunk.resize(end - begin);
        if (::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(begin)) != static_cast<ssize_t>(chunk.size()))
            return Error::from_errno("read a log");
        for (auto at = chunk.size(); at > 0; --at) {
            if (chunk[at - 1] != '\n' || begin + at == whole)
                continue; // The last line's own end begins no line.
            if (--lines == 0)
                return begin + at;
        }
        end = begin;
    }
    lines -= whole > 0 ? 1 : 0;
    return std::uint64_t{0};
}

} // namespace

Result<LogReader> LogReader::open(const std::string& path, const LogOptions& options)
{
    LogReader reader{path};
    if (options.since)
        reader.since_ = base::to_rfc3339(*options.since, 9);
    if (options.follow == Follow::yes) {
        reader.inotify_ = TRY(sys::Inotify::open());
        TRY(reader.inotify_->watch_new_names(parent_of(path)));
    }
    reader.newer_ = TRY(reader.open_all());
    if (options.tail)
        TRY(reader.skip_to_tail(*options.tail));
    return reader;
}

Result<std::optional<LogReader::File>> LogReader::open_one(const std::string& path)
{
    auto opened = sys::open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (failed_with(opened, Code::not_found))
        return std::optional<File>{};
    auto fd = TRY(std::move(opened));
    struct stat found {};
    if (::fstat(fd.get(), &found) < 0)
        return Error::from_errno("look at " + path);
    return std::optional{File{std::move(fd), found.st_dev, found.st_ino, 0}};
}

/// The names of the log's files that exist, oldest first.
std::deque<std::string> LogReader::names() const
{
    auto const base_name = std::filesystem::path{path_}.filename().string();
    auto const all = sys::list_directory(parent_of(path_));
    std::vector<long long> numbers;
    if (all.ok())
        for (const auto& name : all.value()) {
            if (name == base_name)
                numbers.push_back(0);
            else if (name.starts_with(base_name + "."))
                if (auto const number = base::parse_integer(name.substr(base_name.size() + 1), 1, 1'000'000); number.ok())
                    numbers.push_back(number.value());
        }
    std::sort(numbers.rbegin(), numbers.rend());
    std::deque<std::string> names;
    for (auto const number : numbers)
        names.push_back(number == 0 ? path_ : path_ + "." + std::to_string(number));
    return names;
}

/// All files of the log, oldest first, seen between two rotations.
Result<std::deque<LogReader::File>> LogReader::open_all() const
{
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        auto const before = names();
        std::deque<File> files;
        for (const auto& name : before)
            if (auto file = TRY(open_one(name)))
                files.push_back(std::move(*file));
        if (is_stable(before, files))
            return files;
    }
    return Error{Code::unavailable, "log " + path_ + " is rotated too fast to be read"};
}

bool LogReader::is_stable(const std::deque<std::string>& before, const std::deque<File>& files) const
{
    auto const after = names();
    if (after != before || files.size() != after.size())
        return false;
    return std::equal(files.begin(), files.end(), after.begin(), [](const File& file, const std::string& name) {
        struct stat found {};
        return ::lstat(name.c_str(), &found) == 0 && found.st_ino == file.inode && found.st_dev == file.device;
    });
}

Status LogReader::skip_to_tail(std::size_t lines)
{
    for (auto file = newer_.rbegin(); file != newer_.rend(); ++file) {
        if (lines == 0) {
            struct stat found {};
            if (::fstat(file->fd.get(), &found) < 0)
                return Error::from_errno("look at a log");
            file->offset = static_cast<std::uint64_t>(found.st_size);
        } else {
            file->offset = TRY(find_tail(file->fd.get(), lines));
        }
    }
    return base::done();
}

Result<std::optional<LogLine>> LogReader::next()
{
    while (true) {
        auto line = TRY(next_line());
        if (!line || line->time >= since_)
            return line;
    }
}

Result<std::optional<LogLine>> LogReader::next_line()
{
    LogLine line;
    while (true) {
        if (take_line(line))
            return std::optional{std::move(line)};
        // Before we look: what happens after we looked must wake the caller again.
        if (inotify_)
            inotify_->take();
        if (TRY(read_more()))
            continue;
        if (!TRY(advance()))
            return std::optional<LogLine>{};
    }
}

bool LogReader::take_line(LogLine& line)
{
    while (current_) {
        auto const end = buffer_.find('\n', scanned_);
        scanned_ = end == std::string::npos ? buffer_.size() : end + 1;
        if (end == std::string::npos)
            return false;
        auto parsed = parse_log_line(std::string_view{buffer_}.substr(head_, end - head_));
        current_->offset += end + 1 - head_;
        head_ = end + 1;
        if (parsed) { // Else it is none of the supervisor's.
            line = std::move(*parsed);
            return true;
        }
    }
    return false;
}

/// False: nothing more is in the current file now.
Result<bool> LogReader::read_more()
{
    if (!current_)
        return false;
    buffer_.erase(0, head_);
    scanned_ -= head_;
    head_ = 0;
    auto const have = buffer_.size();
    buffer_.resize(have + chunk_size);
    auto const count =
        ::pread(current_->fd.get(), buffer_.data() + have, chunk_size, static_cast<off_t>(current_->offset + have));
    if (count < 0)
        return Error::from_errno("read log " + path_);
    buffer_.resize(have + static_cast<std::size_t>(count));
    if (count > 0)
        return true;
    // A part of a line may be cut off and written again by a supervisor that takes over: it is read afresh next time.
    buffer_.clear();
    head_ = scanned_ = 0;
    return false;
}

bool LogReader::is_rotated() const
{
    struct stat found {};
    return ::lstat(path_.c_str(), &found) < 0 || found.st_ino != current_->inode || found.st_dev != current_->device;
}

/// Goes on to the next newer file. False: there is none.
Result<bool> LogReader::advance()
{
    if (newer_.empty()) {
        if (current_ && !is_rotated())
            return false;
        // Now nobody appends to it any more: but somebody may have, since we looked.
        if (TRY(read_more()))
            return true;
        TRY(find_newer());
    }
    if (newer_.empty())
        return false;
    current_ = std::move(newer_.front());
    newer_.pop_front();
    buffer_.clear();
    head_ = scanned_ = 0;
    watch_current();
    return true;
}

Status LogReader::find_newer()
{
    newer_ = TRY(open_all());
    if (!current_)
        return base::done();
    auto const same = std::find_if(newer_.begin(), newer_.end(), [&](const File& file) { return file.is_same(*current_); });
    if (same != newer_.end())
        newer_.erase(newer_.begin(), std::next(same)); // Else ours was rotated away, and all are newer.
    return base::done();
}

void LogReader::watch_current()
{
    if (!inotify_)
        return;
    if (watched_ >= 0)
        inotify_->unwatch(watched_);
    auto const watched = inotify_->watch_content("/proc/self/fd/" + std::to_string(current_->fd.get()));
    watched_ = watched.ok() ? watched.value() : -1;
}

} // namespace nova::supervisor
