#include "control/queue.h"

#include <algorithm>

namespace nova::control {

void WorkQueue::add_after(const model::Key& key, std::chrono::milliseconds delay)
{
    auto const due = std::chrono::steady_clock::now() + delay;
    std::lock_guard const lock{mutex_};
    if (!working_.contains(key))
        return schedule(key, due);
    auto const [place, fresh] = again_.try_emplace(key, due);
    if (!fresh)
        place->second = std::min(place->second, due);
}

void WorkQueue::schedule(const model::Key& key, Time due)
{
    auto const [place, fresh] = due_.try_emplace(key, due);
    if (!fresh) {
        if (place->second <= due)
            return;
        order_.erase({place->second, key});
        place->second = due;
    }
    order_.emplace(due, key);
    changed_.notify_one();
}

std::optional<model::Key> WorkQueue::take(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    while (!stop.stop_requested()) {
        if (order_.empty()) {
            changed_.wait(lock, stop, [this] { return !order_.empty(); });
            continue;
        }
        auto const [due, key] = *order_.begin();
        if (due > std::chrono::steady_clock::now()) {
            changed_.wait_until(lock, stop, due, [this, due = due] { return order_.empty() || order_.begin()->first < due; });
            continue;
        }
        order_.erase(order_.begin());
        due_.erase(key);
        working_.insert(key);
        if (!order_.empty())
            changed_.notify_one(); // Another sleeps until the moment that is first now, in place of this one.
        return key;
    }
    return std::nullopt;
}

void WorkQueue::finish(const model::Key& key, const Result<Next>& outcome)
{
    std::lock_guard const lock{mutex_};
    working_.erase(key);
    auto const now = std::chrono::steady_clock::now();
    if (!outcome.ok())
        schedule(key, now + next_backoff(key));
    else
        backoff_.erase(key);
    if (outcome.ok() && outcome.value().again_after)
        schedule(key, now + *outcome.value().again_after);
    if (auto const again = again_.find(key); again != again_.end()) {
        schedule(key, again->second);
        again_.erase(again);
    }
    rested_.notify_all();
}

void WorkQueue::wait_for_rest(base::Deadline deadline) const
{
    std::unique_lock lock{mutex_};
    auto const rests = [this] {
        return working_.empty() && (order_.empty() || order_.begin()->first > std::chrono::steady_clock::now());
    };
    while (!rests() && !deadline.passed())
        rested_.wait_for(lock, std::chrono::milliseconds{std::max(1, deadline.poll_timeout_ms())});
}

std::chrono::milliseconds WorkQueue::next_backoff(const model::Key& key)
{
    auto const [place, fresh] = backoff_.try_emplace(key, first_backoff);
    if (!fresh)
        place->second = std::min(place->second * 2, longest_backoff);
    return place->second;
}

std::size_t WorkQueue::waiting() const
{
    std::lock_guard const lock{mutex_};
    return due_.size();
}

} // namespace nova::control
