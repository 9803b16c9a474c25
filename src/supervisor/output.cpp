#include "supervisor/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/log_line.h"
#include "sys/fifo.h"
#include "sys/file.h"

namespace nova::supervisor {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t chunk_size = 64 * 1024;
constexpr std::size_t longest_line = 16 * 1024; ///< Longer ones are logged in parts.
constexpr std::uint64_t most_waiting = 1 << 20; ///< In a spool while the log can't be written.
constexpr std::uint64_t shrink_at = 1 << 20;
constexpr int most_rounds = 16; ///< Of one drain, so that a fast writer does not keep the others waiting.

/// What lies in the file `progress`, written by one write(2) that fits in a page: SIGKILL can't tear it.
struct Progress {
    std::uint64_t version = 1;
    LogWriter::Place log;
    std::array<std::uint64_t, 3> done{};
};
static_assert(sizeof(Progress) == 56);

Progress read_progress(int fd)
{
    Progress progress;
    if (::pread(fd, &progress, sizeof progress, 0) != sizeof progress || progress.version != 1)
        return {};
    return progress;
}

struct Batch {
    std::string text;         ///< Formatted.
    std::size_t consumed = 0; ///< Bytes of the spool that it stands for.
};

/// How much of `rest` makes the next line of the log: its text's length, and with the line feed. 0 consumed: none yet.
struct Cut {
    std::size_t length = 0;
    std::size_t consumed = 0;
    Part part = Part::full;
};

Cut next_line(std::string_view rest, bool is_last)
{
    auto const feed = rest.substr(0, longest_line + 1).find('\n');
    if (feed != std::string_view::npos)
        return {feed, feed + 1, Part::full};
    if (rest.size() > longest_line)
        return {longest_line, longest_line, Part::partial};
    if (is_last && !rest.empty())
        return {rest.size(), rest.size(), Part::partial};
    return {};
}

/// Lines until `room` bytes are full, but at least one.
Batch make_batch(std::string_view bytes, Source source, bool is_last, std::uint64_t room)
{
    Batch batch;
    auto const head = base::to_rfc3339(base::system_clock().now(), 9) + " " + std::string{to_string(source)};
    while (batch.consumed < bytes.size()) {
        auto const rest = bytes.substr(batch.consumed);
        auto const cut = next_line(rest, is_last);
        auto line = rest.substr(0, cut.length);
        if (cut.part == Part::full && line.ends_with('\r')) // Terminals and serial lines end a line with both.
            line.remove_suffix(1);
        auto const size = head.size() + 4 + line.size();
        if (cut.consumed == 0 || (!batch.text.empty() && batch.text.size() + size > room))
            break;
        batch.text.append(head).append(cut.part == Part::full ? " F " : " P ").append(line).push_back('\n');
        batch.consumed += cut.consumed;
    }
    return batch;
}

} // namespace

std::string_view to_string(Source source)
{
    switch (source) {
    case Source::out: return "stdout";
    case Source::err: return "stderr";
    case Source::console: return "console";
    }
    return "stdout";
}

Result<Output> Output::open(const std::string& directory, const model::LogSpec& log)
{
    auto progress = TRY(sys::open_file(directory + "/progress", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    auto const last = read_progress(progress.get());
    auto writer = TRY(LogWriter::open(log, last.log));
    Output output{directory, std::move(writer)};
    output.progress_ = std::move(progress);
    for (auto const source : all_sources)
        TRY(output.open_spool(source, last.done[static_cast<std::size_t>(source)]));
    output.commit();
    for (auto const source : all_sources)
        output.log_or_block(source, Lines::whole);
    return output;
}

Status Output::open_spool(Source source, std::uint64_t done)
{
    auto& opened = spool(source);
    opened.fd =
        TRY(sys::open_file(directory_ + "/" + std::string{to_string(source)} + ".spool", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    struct stat found {};
    if (::fstat(opened.fd.get(), &found) < 0)
        return Error::from_errno("look at a spool");
    opened.end = static_cast<std::uint64_t>(found.st_size);
    opened.done = done > opened.end ? 0 : done; // It was emptied, and we were killed before we could note that.
    return base::done();
}

Result<std::string> Output::read_spool(const Spool& from, std::uint64_t at, std::size_t most)
{
    std::string bytes(std::min<std::uint64_t>(most, from.end - at), '\0');
    auto const count = ::pread(from.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count != static_cast<ssize_t>(bytes.size()))
        return Error::from_errno("read a spool", count < 0 ? errno : EIO);
    return bytes;
}

Status Output::drain(Source source, int fifo, const Seen& seen)
{
    auto& into = spool(source);
    for (int round = 0; round < most_rounds; ++round) {
        auto const moved = sys::move_bytes(fifo, into.fd.get(), static_cast<long long>(into.end), chunk_size);
        if (failed_with(moved, Code::unavailable) || (moved.ok() && moved.value() == 0))
            return base::done();
        if (!moved.ok()) { // The disk is full, or the like.
            if (!empty(into))
                discard(source, fifo, seen);
            continue;
        }
        into.end += moved.value();
        auto const bytes = TRY(read_spool(into, into.end - moved.value(), chunk_size));
        seen(bytes);
        take(source, bytes);
    }
    return base::done();
}

/// Not even the spool can take more: the process must go on all the same.
void Output::discard(Source source, int fifo, const Seen& seen)
{
    char buffer[4096];
    auto const count = ::read(fifo, buffer, sizeof buffer);
    if (count <= 0)
        return;
    seen({buffer, static_cast<std::size_t>(count)});
    lost_ += static_cast<std::uint64_t>(count);
    log_or_block(source, Lines::whole);
}

void Output::take(Source source, std::string_view bytes)
{
    auto& from = spool(source);
    auto const waiting = from.end - from.done;
    if (blocked_ && waiting > most_waiting) {
        lost_ += waiting;
        from.done = from.end;
        shrink(from);
        commit();
    }
    if (!blocked_ && (waiting > longest_line || bytes.find('\n') != std::string_view::npos))
        log_or_block(source, Lines::whole);
}

void Output::log_or_block(Source source, Lines lines)
{
    auto const logged = log_pending(source, lines);
    if (!logged.ok() && !blocked_)
        base::log_warning("log of " + directory_ + ": " + logged.error().message());
    blocked_ = !logged.ok();
}

void Output::retry()
{
    blocked_ = false;
    for (auto const source : all_sources)
        if (!blocked_)
            log_or_block(source, Lines::whole);
}

Status Output::tell_loss(Source source)
{
    if (lost_ == 0)
        return base::done();
    TRY(log_.append(
        to_string(LogLine{.time = base::to_rfc3339(base::system_clock().now(), 9),
                          .stream = std::string{to_string(source)},
                          .part = Part::full,
                          .text = "nova: " + std::to_string(lost_) + " bytes of output are lost: the disk was full"})));
    lost_ = 0;
    commit();
    return base::done();
}

Status Output::log_pending(Source source, Lines lines)
{
    TRY(tell_loss(source));
    bool more = true;
    while (more)
        TRY(log_lines(source, lines, more));
    shrink(spool(source));
    return base::done();
}

Status Output::log_lines(Source source, Lines lines, bool& more)
{
    auto& from = spool(source);
    auto const bytes = TRY(read_spool(from, from.done, chunk_size));
    bool const is_last = lines == Lines::all && from.done + bytes.size() == from.end;
    auto batch = make_batch(bytes, source, is_last, log_.room());
    more = batch.consumed > 0;
    if (!more)
        return base::done();
    if (batch.text.size() > log_.room() && log_.place().size > 0) {
        TRY(log_.rotate());
        commit(); // Before anything is written into the new file: it tells how much of it is ours.
        batch = make_batch(bytes, source, is_last, log_.room());
    }
    TRY(log_.append(batch.text));
    from.done += batch.consumed;
    commit();
    return base::done();
}

/// Starts the file afresh where all of it is logged. False: there was nothing to do.
bool Output::empty(Spool& spool)
{
    if (spool.end == 0 || spool.done != spool.end || ::ftruncate(spool.fd.get(), 0) < 0)
        return false;
    spool.done = spool.end = spool.punched = 0;
    commit();
    return true;
}

/// Gives the disk back that logged bytes take up.
void Output::shrink(Spool& spool)
{
    if (spool.end >= chunk_size && empty(spool))
        return;
    if (spool.done - spool.punched < shrink_at)
        return;
    ::fallocate(spool.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(spool.punched),
                static_cast<off_t>(spool.done - spool.punched));
    spool.punched = spool.done;
}

void Output::commit()
{
    Progress progress;
    progress.log = log_.place();
    for (std::size_t index = 0; index < spools_.size(); ++index)
        progress.done[index] = spools_[index].done;
    if (::pwrite(progress_.get(), &progress, sizeof progress, 0) != sizeof progress)
        base::log_warning("note progress in " + directory_ + ": " + std::strerror(errno));
}

void Output::finish()
{
    for (auto const source : all_sources) {
        log_or_block(source, Lines::all);
        ::unlink((directory_ + "/" + std::string{to_string(source)} + ".spool").c_str());
    }
    ::unlink((directory_ + "/progress").c_str());
}

} // namespace nova::supervisor
