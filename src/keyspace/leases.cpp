#include "keyspace/leases.h"

#include "base/log.h"
#include "keyspace/limits.h"

namespace nova::keyspace {
namespace {

constexpr auto retry_after = std::chrono::seconds{1};

base::SteadyTime now() { return std::chrono::steady_clock::now(); }

} // namespace

Leases::Leases(std::function<Status(LeaseId)> revoke)
    : revoke_(std::move(revoke)), thread_([this](const std::stop_token& stop) { run(stop); })
{}

Status Leases::reserve()
{
    std::lock_guard const lock{mutex_};
    if (entries_.size() + reserved_ >= limits::leases_most)
        return base::Error{base::Code::resource_exhausted,
                           "there are " + std::to_string(entries_.size()) + " leases, the most allowed"};
    ++reserved_;
    return base::done();
}

void Leases::release()
{
    std::lock_guard const lock{mutex_};
    --reserved_;
}

void Leases::add(LeaseId id, std::chrono::milliseconds time_to_live)
{
    std::lock_guard const lock{mutex_};
    --reserved_;
    auto& entry = entries_[id];
    entry.time_to_live = time_to_live;
    set_deadline(id, entry, now() + time_to_live);
}

Status Leases::keep_alive(LeaseId id)
{
    std::lock_guard const lock{mutex_};
    auto const found = entries_.find(id);
    if (found == entries_.end() || found->second.expiring || found->second.deadline <= now())
        return base::Error{base::Code::not_found, "there is no lease " + std::to_string(id)};
    set_deadline(id, found->second, now() + found->second.time_to_live);
    return base::done();
}

void Leases::forget(LeaseId id)
{
    std::lock_guard const lock{mutex_};
    auto const found = entries_.find(id);
    if (found == entries_.end())
        return;
    by_deadline_.erase({found->second.deadline, id});
    entries_.erase(found);
}

void Leases::set_deadline(LeaseId id, Entry& entry, base::SteadyTime deadline)
{
    by_deadline_.erase({entry.deadline, id});
    entry.deadline = deadline;
    by_deadline_.insert({deadline, id});
    if (by_deadline_.begin()->second == id) // A later one is found when the thread wakes for an earlier.
        changed_.notify_one();
}

void Leases::close()
{
    thread_.request_stop();
    if (thread_.joinable())
        thread_.join();
}

void Leases::run(const std::stop_token& stop)
{
    std::unique_lock lock{mutex_};
    while (auto const id = next_expired(lock, stop)) {
        lock.unlock();
        auto const revoked = revoke_(*id);
        lock.lock();
        auto const found = entries_.find(*id);
        if (found == entries_.end())
            continue;
        if (revoked.ok() || base::failed_with(revoked, base::Code::not_found)) {
            by_deadline_.erase({found->second.deadline, *id});
            entries_.erase(found);
            continue;
        }
        base::log_warning("keyspace: lease " + std::to_string(*id) +
                          " ran out but could not be revoked, trying again: " + revoked.error().message());
        set_deadline(*id, found->second, now() + retry_after);
    }
}

/// Sleeps until one has run out. Empty: stopped.
std::optional<LeaseId> Leases::next_expired(std::unique_lock<std::mutex>& lock, const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        if (by_deadline_.empty()) {
            changed_.wait(lock, stop, [this] { return !by_deadline_.empty(); });
            continue;
        }
        auto const [deadline, id] = *by_deadline_.begin();
        if (deadline <= now()) {
            entries_[id].expiring = true;
            return id;
        }
        changed_.wait_until(lock, stop, deadline,
                            [this, until = deadline] { return by_deadline_.empty() || by_deadline_.begin()->first < until; });
    }
    return std::nullopt;
}

} // namespace nova::keyspace
