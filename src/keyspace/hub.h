#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "keyspace/keyspace.h"

namespace nova::keyspace {

struct WatchGroup;

/// One watch as the hub sees it: about 200 bytes, its prefix and its callback. All of it belongs to the hub's lock.
struct Watcher {
    static constexpr auto not_armed = static_cast<std::size_t>(-1);

    std::string prefix;
    std::function<void()> on_ready;
    Revision cursor = 0;              ///< Everything up to here was taken. Of an armed one: see Hub::progress.
    WatchGroup* group = nullptr;      ///< Of its prefix.
    std::size_t armed_at = not_armed; ///< Place in group->armed: took everything, waits to be told.
    bool queued = false;              ///< on_ready is about to be called.
    bool gone = false;
};

/// Watches with the same prefix.
struct WatchGroup {
    std::vector<std::shared_ptr<Watcher>> armed;
    std::size_t members = 0;
};

/// Brings changes to watches: a ring of recent changes that all share, and a cursor per watch. Costs nothing while nothing
/// changes.
///
/// An armed watch (its last take() gave none) has no cursor to keep up: only a change under its prefix moves it to the queue of
/// those to be told, so a change costs as much as the watches it concerns. A watch that lags keeps its cursor; once that has left
/// the ring, take() says so and its owner reads the database.
class Hub {
public:
    Hub(Revision head, Revision compacted, std::size_t ring_changes_most);
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;
    ~Hub() { close(); }

    /// Consecutive changes, from head() + 1 on. Called by the writer after they became durable.
    void publish(std::vector<Change> changes);
    void set_compacted(Revision compacted);

    /// Blocks until what a reader saw in the database is published too: microseconds.
    void await(Revision revision);

    Revision head() const;
    Revision compacted() const;
    std::size_t watches() const;

    /// Errors: out_of_range; resource_exhausted - watches_most.
    Result<std::shared_ptr<Watcher>> add(std::string_view prefix, Revision from, std::function<void()> on_ready);

    /// When this returns, its on_ready neither runs nor will run.
    void remove(const std::shared_ptr<Watcher>& watcher);

    struct Taken {
        std::vector<std::shared_ptr<const Change>> changes;
        bool behind = false; ///< The ring no longer reaches back to `cursor`: read the database for (cursor, upto].
        Revision cursor = 0;
        Revision upto = 0;
    };
    /// Errors: unavailable - the store was closed.
    Result<Taken> take(const std::shared_ptr<Watcher>& watcher, std::size_t most);

    /// After the database was read instead.
    void advance(Watcher& watcher, Revision cursor);
    Revision progress(const Watcher& watcher) const;

    /// Ends the calling thread; no on_ready runs after this returns.
    void close();

private:
    void wake(const Change& change);
    void trim();
    void enqueue(std::shared_ptr<Watcher> watcher);
    void arm(const std::shared_ptr<Watcher>& watcher);
    void disarm(Watcher& watcher, Revision cursor);
    void collect(Watcher& watcher, std::size_t most, Taken& taken);
    void call_watchers(const std::stop_token& stop);

    mutable std::mutex mutex_;
    std::condition_variable published_;
    std::condition_variable_any ready_;
    std::condition_variable called_;

    std::deque<std::shared_ptr<const Change>> ring_; ///< Ends with head_.
    std::size_t ring_bytes_ = 0;
    std::size_t const ring_changes_most_;
    Revision head_;
    Revision compacted_;
    bool closed_ = false;

    std::map<std::size_t, std::map<std::string, WatchGroup, std::less<>>> groups_; ///< By length of the prefix, then by prefix.
    std::size_t watches_ = 0;
    std::deque<std::shared_ptr<Watcher>> queue_;
    const Watcher* calling_ = nullptr;

    std::jthread caller_; ///< Last: it uses all of the above.
};

} // namespace nova::keyspace
