#include "keyspace/hub.h"

#include "base/must.h"
#include "keyspace/history.h"
#include "keyspace/limits.h"
#include "sys/wake_up.h"

namespace nova::keyspace {
namespace {

std::size_t bytes_of(const Change& change)
{
    auto const previous = change.previous ? change.previous->key.size() + change.previous->value.size() : 0;
    return sizeof change + change.record.key.size() + change.record.value.size() + previous;
}

} // namespace

Hub::Hub(Revision head, Revision compacted, std::size_t ring_changes_most)
    : ring_changes_most_(ring_changes_most),
      head_(head),
      compacted_(compacted),
      caller_([this](const std::stop_token& stop) { call_watchers(stop); })
{}

void Hub::publish(std::vector<Change> changes)
{
    std::lock_guard const lock{mutex_};
    for (auto& change : changes) {
        base::must(change.record.modified == head_ + 1, "a change was published out of order");
        head_ = change.record.modified;
        ring_bytes_ += bytes_of(change);
        ring_.push_back(std::make_shared<const Change>(std::move(change)));
        wake(*ring_.back());
    }
    trim();
    published_.notify_all();
    if (!queue_.empty())
        ready_.notify_one();
}

void Hub::trim()
{
    while (ring_.size() > ring_changes_most_ || ring_bytes_ > limits::ring_bytes_most) {
        ring_bytes_ -= bytes_of(*ring_.front());
        ring_.pop_front();
    }
}

/// Queues the armed watches of every prefix of the key.
void Hub::wake(const Change& change)
{
    auto const key = std::string_view{change.record.key};
    for (auto& [length, groups] : groups_) {
        if (length > key.size())
            break;
        auto const found = groups.find(key.substr(0, length));
        if (found == groups.end())
            continue;
        for (auto& watcher : found->second.armed) {
            watcher->armed_at = Watcher::not_armed;
            watcher->cursor = change.record.modified - 1; // Armed: nothing before concerned it.
            enqueue(std::move(watcher));
        }
        found->second.armed.clear();
    }
}

void Hub::enqueue(std::shared_ptr<Watcher> watcher)
{
    if (!std::exchange(watcher->queued, true))
        queue_.push_back(std::move(watcher));
}

void Hub::arm(const std::shared_ptr<Watcher>& watcher)
{
    watcher->cursor = head_;
    watcher->armed_at = watcher->group->armed.size();
    watcher->group->armed.push_back(watcher);
}

void Hub::disarm(Watcher& watcher, Revision cursor)
{
    if (watcher.armed_at == Watcher::not_armed)
        return;
    auto& armed = watcher.group->armed;
    auto const place = watcher.armed_at;
    watcher.cursor = cursor;
    watcher.armed_at = Watcher::not_armed;
    if (place + 1 != armed.size()) {
        armed[place] = std::move(armed.back());
        armed[place]->armed_at = place;
    }
    armed.pop_back();
}

Result<std::shared_ptr<Watcher>> Hub::add(std::string_view prefix, Revision from, std::function<void()> on_ready)
{
    auto watcher = std::make_shared<Watcher>();
    watcher->prefix = prefix;
    watcher->on_ready = std::move(on_ready);
    watcher->cursor = from;

    std::lock_guard const lock{mutex_};
    if (from > head_)
        return base::Error{base::Code::out_of_range, "watch from revision " + std::to_string(from) +
                                                         ": it lies in the future, the newest is " + std::to_string(head_)};
    if (from < compacted_)
        return expired(from, compacted_);
    if (watches_ == limits::watches_most)
        return base::Error{base::Code::resource_exhausted,
                           "there are " + std::to_string(watches_) + " watches, the most allowed"};
    ++watches_;
    watcher->group = &groups_[watcher->prefix.size()][watcher->prefix];
    ++watcher->group->members;
    if (from == head_) {
        arm(watcher);
    } else {
        enqueue(watcher);
        ready_.notify_one();
    }
    return watcher;
}

void Hub::remove(const std::shared_ptr<Watcher>& watcher)
{
    std::unique_lock lock{mutex_};
    base::must(std::this_thread::get_id() != caller_.get_id(), "a watch was destroyed inside an on_ready");
    disarm(*watcher, watcher->cursor);
    watcher->gone = true;
    --watches_;
    if (--watcher->group->members == 0) {
        auto const groups = groups_.find(watcher->prefix.size());
        groups->second.erase(watcher->prefix);
        if (groups->second.empty())
            groups_.erase(groups);
    }
    watcher->group = nullptr;
    called_.wait(lock, [&] { return calling_ != watcher.get(); });
}

Result<Hub::Taken> Hub::take(const std::shared_ptr<Watcher>& watcher, std::size_t most)
{
    std::lock_guard const lock{mutex_};
    if (closed_)
        return base::Error{base::Code::unavailable, "the store was closed"};
    disarm(*watcher, head_);
    Taken taken{.changes = {}, .behind = false, .cursor = watcher->cursor, .upto = head_};
    if (watcher->cursor + ring_.size() < head_) {
        taken.behind = true;
        return taken;
    }
    collect(*watcher, most, taken);
    if (taken.changes.empty())
        arm(watcher);
    return taken;
}

void Hub::collect(Watcher& watcher, std::size_t most, Taken& taken)
{
    auto const oldest = head_ - ring_.size() + 1;
    std::size_t bytes = 0;
    while (watcher.cursor < head_ && taken.changes.size() < most && bytes <= limits::take_bytes_most) {
        auto const& change = ring_[watcher.cursor + 1 - oldest];
        ++watcher.cursor;
        if (!change->record.key.starts_with(watcher.prefix))
            continue;
        bytes += bytes_of(*change);
        taken.changes.push_back(change);
    }
}

void Hub::advance(Watcher& watcher, Revision cursor)
{
    std::lock_guard const lock{mutex_};
    watcher.cursor = cursor;
}

Revision Hub::progress(const Watcher& watcher) const
{
    std::lock_guard const lock{mutex_};
    return watcher.armed_at == Watcher::not_armed ? watcher.cursor : head_;
}

void Hub::set_compacted(Revision compacted)
{
    std::lock_guard const lock{mutex_};
    compacted_ = compacted;
}

void Hub::await(Revision revision)
{
    std::unique_lock lock{mutex_};
    published_.wait(lock, [&] { return head_ >= revision || closed_; });
}

Revision Hub::head() const
{
    std::lock_guard const lock{mutex_};
    return head_;
}

Revision Hub::compacted() const
{
    std::lock_guard const lock{mutex_};
    return compacted_;
}

std::size_t Hub::watches() const
{
    std::lock_guard const lock{mutex_};
    return watches_;
}

void Hub::close()
{
    {
        std::lock_guard const lock{mutex_};
        closed_ = true;
        published_.notify_all();
    }
    caller_.request_stop();
    if (caller_.joinable())
        caller_.join();
}

/// Calls outside the lock: an on_ready may take a lock of its owner's, under which the owner calls take().
void Hub::call_watchers(const std::stop_token& stop)
{
    sys::wake_up_quickly();
    std::unique_lock lock{mutex_};
    while (ready_.wait(lock, stop, [this] { return !queue_.empty(); }) && !stop.stop_requested()) {
        auto watcher = std::move(queue_.front());
        queue_.pop_front();
        watcher->queued = false;
        if (watcher->gone || !watcher->on_ready)
            continue;
        calling_ = watcher.get();
        lock.unlock();
        watcher->on_ready();
        lock.lock();
        calling_ = nullptr;
        called_.notify_all();
    }
}

} // namespace nova::keyspace
