#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// The revisioned, watchable store. Every write gets the next revision of one counter; revisions survive restarts.
/// Back ends: SQLite (one node), later etcd (many).
namespace nova::keyspace {

using base::Result;
using base::Status;

using Revision = std::uint64_t; ///< 0: none. The first write is 1.
using LeaseId = std::uint64_t;  ///< 0: none.

struct Record {
    std::string key;
    std::string value;
    Revision created = 0;  ///< Revision of the write that made the key.
    Revision modified = 0; ///< Revision of the last write.
    LeaseId lease = 0;
};

struct Change {
    enum class Type { put, removed };
    Type type = Type::put;
    Record record;                  ///< removed: key, the last value, and `modified` = revision of the removal.
    std::optional<Record> previous; ///< What stood there before, where it is still known.
};

struct ListOptions {
    std::size_t limit = 0;        ///< 0: all.
    std::string continue_token{}; ///< From the Page before; keeps its revision.
    std::optional<Revision> at{}; ///< Read as of this revision; default: now.
};

struct Page {
    std::vector<Record> records; ///< In order of their keys, all as of `revision`.
    Revision revision = 0;
    std::string continue_token; ///< Empty: that was all.
    std::size_t remaining = 0;
};

struct PutOptions {
    std::optional<Revision> expected{}; ///< Compare `modified`; 0: the key must not exist. Absent: write whatever is there.
    LeaseId lease = 0;                  ///< The key goes when the lease does.
};

/// A stream of changes under one prefix, pulled by its owner.
class Watch {
public:
    /// Waits for an on_ready that runs; after this returns, it is not called any more. Not from inside an on_ready.
    virtual ~Watch() = default;

    /// Up to `most` changes in revision order, fewer where they are large; empty where there is none now (on_ready will tell). Go
    /// on until it is empty: only then is on_ready called again. From one thread at a time. Errors: out_of_range "Expired" - the
    /// next change was compacted away: list again, and watch from there; unavailable - the store was closed.
    virtual Result<std::vector<Change>> take(std::size_t most) = 0;

    /// All changes up to this revision have been taken: what a BOOKMARK says.
    virtual Revision progress() const = 0;
};

/// What the store has done since it was opened. An idle Nova leaves all of it unchanged.
struct Stats {
    std::uint64_t writes = 0;        ///< Acknowledged puts and removals.
    std::uint64_t commits = 0;       ///< Durable transactions: several writes may share one.
    std::uint64_t bytes_written = 0; ///< To the log, and from the log into the database.
    std::size_t watches = 0;
    Revision revision = 0;
    Revision compacted = 0;
};

/// Safe from any thread. An acknowledged write is on the disk. Writing fails with resource_exhausted where the disk is full (and
/// works again once there is room), and with data_loss where the file turns out to be damaged; every limit: keyspace/limits.h.
class Keyspace {
public:
    virtual ~Keyspace() = default;

    /// Errors: not_found.
    virtual Result<Record> get(std::string_view key) = 0;

    /// Errors: out_of_range - `at` or the token's revision was compacted, or lies in the future; invalid_argument - no token of
    /// ours.
    virtual Result<Page> list(std::string_view prefix, const ListOptions& options = {}) = 0;

    /// Errors: aborted - `expected` does not match; not_found - no such lease; resource_exhausted - value over 1.5 MiB.
    virtual Result<Record> put(std::string_view key, std::string_view value, const PutOptions& options = {}) = 0;

    /// Returns the revision of the removal. Errors: not_found; aborted - `expected` does not match.
    virtual Result<Revision> remove(std::string_view key, std::optional<Revision> expected = std::nullopt) = 0;

    /// Changes after `from` (exclusive), for keys that start with `prefix`. `on_ready` (may be empty) is called, from a thread of
    /// the store, when changes are waiting after take() returned none, or were never taken; now and then once too often. It must
    /// not block and must not call into the store. A watch may outlive the store. Errors: out_of_range - `from` was compacted
    /// ("Expired"), or lies in the future; resource_exhausted - too many watches.
    virtual Result<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision from, std::function<void()> on_ready) = 0;

    /// A lease is durable, its deadline is not: after a restart each has its full time to live again. keep_alive writes nothing.
    /// When one runs out its keys are removed, each with a revision and a change of its own. Errors: invalid_argument - not
    /// within 1 ms to 366 days; resource_exhausted - too many leases.
    virtual Result<LeaseId> grant(std::chrono::milliseconds time_to_live) = 0;
    virtual Status keep_alive(LeaseId lease) = 0; ///< Errors: not_found.
    virtual Status revoke(LeaseId lease) = 0;     ///< Removes its keys now. Errors: not_found.

    /// Forgets what was overwritten or removed up to and with `upto`: reads at, and watches from, an earlier revision expire.
    /// What was compacted already is accepted. The store also compacts by itself as it is written to. Errors: out_of_range - the
    /// future.
    virtual Status compact(Revision upto) = 0;

    virtual Revision revision() const = 0;
    virtual Stats stats() const = 0;
};

/// Opens or makes the store in a directory (one process at a time: unavailable while another has it open).
/// Errors: data_loss - the file is damaged; the message says what to do.
Result<std::unique_ptr<Keyspace>> open_keyspace(const std::string& directory);

} // namespace nova::keyspace
