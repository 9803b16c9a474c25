#include "sys/poll.h"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace nova::sys {

using base::Error;

namespace {

std::uint32_t events_for(Interest interest)
{
    switch (interest) {
    case Interest::nothing: return 0;
    case Interest::read: return EPOLLIN;
    case Interest::write: return EPOLLOUT;
    case Interest::both: return EPOLLIN | EPOLLOUT;
    }
    return 0;
}

epoll_event event_for(int fd, Interest interest, std::uint32_t generation)
{
    epoll_event event{};
    event.events = events_for(interest);
    event.data.u64 = static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(fd);
    return event;
}

} // namespace

Loop::Watch& Loop::Watch::operator=(Watch&& other) noexcept
{
    if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void Loop::Watch::want(Interest interest)
{
    if (loop_ != nullptr)
        loop_->change(fd_, interest);
}

void Loop::Watch::reset()
{
    if (loop_ != nullptr)
        std::exchange(loop_, nullptr)->forget(fd_);
}

Result<Loop> Loop::open()
{
    UniqueFd fd{::epoll_create1(EPOLL_CLOEXEC)};
    if (!fd)
        return Error::from_errno("make a poll loop");
    return Loop{std::move(fd)};
}

Result<Loop::Watch> Loop::watch(int fd, Interest interest, Call call)
{
    auto event = event_for(fd, interest, ++generation_);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
        return Error::from_errno("watch a descriptor");
    entries_[fd] = Entry{generation_, interest, std::move(call)};
    Watch watch;
    watch.loop_ = this;
    watch.fd_ = fd;
    return watch;
}

void Loop::change(int fd, Interest interest)
{
    auto& entry = entries_.at(fd);
    if (entry.interest == interest)
        return;
    entry.interest = interest;
    auto event = event_for(fd, interest, entry.generation);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::forget(int fd)
{
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    entries_.erase(fd);
}

void Loop::dispatch(std::uint64_t token, std::uint32_t events)
{
    auto const found = entries_.find(static_cast<int>(token & 0xffffffffu));
    // An earlier call of this round may have let it go, and its number may mean another descriptor by now.
    if (found == entries_.end() || found->second.generation != token >> 32)
        return;
    auto const call = found->second.call; // A copy: the call may remove its own entry.
    call({.readable = (events & EPOLLIN) != 0,
          .writable = (events & EPOLLOUT) != 0,
          .hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0});
}

Status Loop::run_once(base::Deadline deadline)
{
    std::array<epoll_event, 64> events;
    int const count = ::epoll_wait(epoll_.get(), events.data(), events.size(), deadline.poll_timeout_ms());
    if (count < 0 && errno != EINTR)
        return Error::from_errno("wait for events");
    for (int index = 0; index < count; ++index)
        dispatch(events[static_cast<std::size_t>(index)].data.u64, events[static_cast<std::size_t>(index)].events);
    return base::done();
}

} // namespace nova::sys
