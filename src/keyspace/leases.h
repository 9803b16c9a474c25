#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "keyspace/keyspace.h"

namespace nova::keyspace {

/// When each lease runs out. One thread sleeps until the next of them does (for ever where there is none) and has it revoked.
/// Deadlines live in memory alone: keep_alive writes nothing, and after a restart every lease has its full time again.
class Leases {
public:
    /// `revoke` makes the removals durable; it is called from the thread of this.
    explicit Leases(std::function<Status(LeaseId)> revoke);
    ~Leases() { close(); }
    Leases(const Leases&) = delete;
    Leases& operator=(const Leases&) = delete;

    /// Errors: resource_exhausted - leases_most.
    Status reserve();
    void release(); ///< A reservation that came to nothing.

    void add(LeaseId id, std::chrono::milliseconds time_to_live); ///< Uses up a reservation.

    /// Errors: not_found - also where it has run out and is just being revoked.
    Status keep_alive(LeaseId id);
    void forget(LeaseId id);
    void close();

private:
    struct Entry {
        std::chrono::milliseconds time_to_live;
        base::SteadyTime deadline;
        bool expiring = false;
    };
    void run(const std::stop_token& stop);
    std::optional<LeaseId> next_expired(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
    void set_deadline(LeaseId id, Entry& entry, base::SteadyTime deadline);

    std::function<Status(LeaseId)> const revoke_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::unordered_map<LeaseId, Entry> entries_;
    std::set<std::pair<base::SteadyTime, LeaseId>> by_deadline_;
    std::size_t reserved_ = 0;
    std::jthread thread_; ///< Last: it uses all of the above.
};

} // namespace nova::keyspace
