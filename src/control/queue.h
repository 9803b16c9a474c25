#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/object.h"

namespace nova::control {

using base::Result;
using base::Status;

/// What the queue shall do with a key after one pass.
struct Next {
    std::optional<std::chrono::milliseconds> again_after; ///< Empty: wait for the next change.
    static Next settled() { return {}; }
    static Next after(std::chrono::milliseconds delay) { return {delay}; }
};

/// Keys that want a pass. A key that is added while it waits is there once; one that is added while it is worked on comes again
/// afterwards: one worker per key at a time. Failures back off per key. Sleeps without waking while nothing is due.
class WorkQueue {
public:
    static constexpr std::chrono::milliseconds first_backoff{50};
    static constexpr std::chrono::milliseconds longest_backoff{30'000};

    void add(const model::Key& key) { add_after(key, std::chrono::milliseconds{0}); }
    /// The earlier of two moments counts.
    void add_after(const model::Key& key, std::chrono::milliseconds delay);

    /// Blocks until a key is due, and lends it to the caller until finish(). Empty: stopped.
    std::optional<model::Key> take(std::stop_token stop);

    /// Gives a key back. A failure queues it again after a delay that doubles; success forgets earlier failures.
    void finish(const model::Key& key, const Result<Next>& outcome);

    std::size_t waiting() const;

    /// Blocks until nothing is due now and nothing is worked on, or until the deadline. What is due later is not waited for.
    void wait_for_rest(base::Deadline deadline) const;

private:
    using Time = std::chrono::steady_clock::time_point;

    void schedule(const model::Key& key, Time due);
    std::chrono::milliseconds next_backoff(const model::Key& key);

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    mutable std::condition_variable rested_;
    std::map<model::Key, Time> due_;
    std::set<std::pair<Time, model::Key>> order_;
    std::set<model::Key> working_;
    std::map<model::Key, Time> again_; ///< Added while worked on.
    std::map<model::Key, std::chrono::milliseconds> backoff_;
};

} // namespace nova::control
