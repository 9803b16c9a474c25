#include "apps/nova/server/log_stream.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/pidfd.h"

namespace nova::app {
namespace {

constexpr std::size_t chunk = 64u << 10;
constexpr long drain_look_ns = 5'000'000;

Status add_to_poll(int poll, int fd)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
        return base::Error::from_errno("watch a log");
    return base::done();
}

bool is_readable(int fd)
{
    pollfd one{fd, POLLIN, 0};
    return fd >= 0 && ::poll(&one, 1, 0) > 0;
}

} // namespace

WorkloadLog::WorkloadLog(supervisor::Client& supervisor, std::string id, supervisor::LogReader reader,
                         const api::LogOptions& options)
    : supervisor_(supervisor),
      id_(std::move(id)),
      reader_(std::move(reader)),
      follow_(options.follow),
      timestamps_(options.timestamps),
      bytes_left_(options.limit_bytes.value_or(~std::uint64_t{0}))
{}

Result<std::unique_ptr<api::LogStream>> WorkloadLog::open(supervisor::Client& supervisor, const std::string& id,
                                                          const std::string& path, const api::LogOptions& options)
{
    supervisor::LogOptions read;
    read.tail = options.tail_lines;
    if (!options.since.empty())
        read.since = TRY(base::parse_rfc3339(options.since).context("sinceTime"));
    // Of what has ended nothing more comes, and to end an inotify costs the kernel's grace period of some 10 ms.
    auto rest = options;
    if (options.follow) {
        auto const process = supervisor.get(id);
        rest.follow = process.ok() && process.value().state == model::ProcessStatus::State::running;
    }
    read.follow = rest.follow ? supervisor::Follow::yes : supervisor::Follow::no;
    auto reader = TRY(supervisor::LogReader::open(path, read));
    std::unique_ptr<WorkloadLog> log{new WorkloadLog{supervisor, id, std::move(reader), rest}};
    if (rest.follow)
        TRY(log->watch_for_end());
    return std::unique_ptr<api::LogStream>{std::move(log)};
}

Status WorkloadLog::watch_for_end()
{
    poll_ = sys::UniqueFd{::epoll_create1(EPOLL_CLOEXEC)};
    if (!poll_)
        return base::Error::from_errno("watch a log");
    TRY(add_to_poll(poll_.get(), reader_.fd()));
    auto const status = supervisor_.get(id_);
    if (!status.ok() || status.value().state != model::ProcessStatus::State::running)
        return base::done(); // has_ended() will find so.
    auto pidfd = sys::open_pidfd(static_cast<pid_t>(status.value().pid));
    if (!pidfd.ok())
        return base::done();
    end_ = std::move(pidfd).value();
    return add_to_poll(poll_.get(), end_.get());
}

void WorkloadLog::append(std::string& text, const supervisor::LogLine& line)
{
    if (timestamps_ && line_begins_)
        text += line.time + " ";
    text += line.text;
    line_begins_ = line.part == supervisor::Part::full;
    if (line_begins_)
        text += "\n";
}

Result<std::string> WorkloadLog::read()
{
    // Asked before reading: what was written before the end is then surely read.
    bool const over = !follow_ || TRY(has_ended());
    std::string text;
    while (text.size() < chunk && text.size() < bytes_left_) {
        auto const line = TRY(reader_.next());
        if (!line)
            break;
        append(text, *line);
    }
    text.resize(std::min<std::uint64_t>(text.size(), bytes_left_));
    bytes_left_ -= text.size();
    ended_ = (over && text.empty()) || bytes_left_ == 0;
    return text;
}

Result<bool> WorkloadLog::has_ended()
{
    std::uint64_t ticks = 0; // Taken, so that `wake` is quiet again.
    if (timer_)
        (void)!::read(timer_.get(), &ticks, sizeof ticks);
    if (end_ && !is_readable(end_.get()))
        return false;
    auto const status = supervisor_.get(id_);
    if (!status.ok() || status.value().state != model::ProcessStatus::State::running)
        return true;
    if (!end_)
        return false;
    // It ended, but the supervisor still copies what it wrote: look again soon, without spinning on the pidfd.
    end_.reset();
    timer_ = sys::UniqueFd{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    itimerspec const every{{0, drain_look_ns}, {0, drain_look_ns}};
    if (!timer_ || ::timerfd_settime(timer_.get(), 0, &every, nullptr) < 0)
        return base::Error::from_errno("watch a log");
    TRY(add_to_poll(poll_.get(), timer_.get()));
    return false;
}

} // namespace nova::app
