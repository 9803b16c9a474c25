#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "base/guarded.h"
#include "keyspace/history.h"
#include "keyspace/hub.h"
#include "keyspace/store_file.h"

namespace nova::keyspace {

struct PutWrite {
    std::string_view key;
    std::string_view value;
    PutOptions options;
};
struct RemoveWrite {
    std::string_view key;
    std::optional<Revision> expected;
};
struct GrantWrite {
    LeaseId id;
    std::chrono::milliseconds time_to_live;
};
struct RevokeWrite {
    LeaseId id;
};
struct CompactWrite {
    Revision upto;
};
using Write = std::variant<PutWrite, RemoveWrite, GrantWrite, RevokeWrite, CompactWrite>;

/// put: the record as written. remove: only `modified`. Others: empty.
using Answer = Result<Record>;

/// The one thread that writes. Whatever has gathered while a transaction was made durable goes into the next one together;
/// a single client finds the thread waiting and shares with nobody. Where several wrote at once, those who were just answered get
/// a moment to join the next transaction, at most a quarter of the time that the last one took: else they and those who waited
/// meanwhile would take turns, with half a transaction each.
class Writer {
public:
    static Result<std::unique_ptr<Writer>> open(const StoreFile& file, Hub& hub, const StoreOptions& options, Revision newest,
                                                Revision compacted);
    ~Writer();

    /// Blocks until the write is durable, or refused. The text it views must live until then.
    Answer submit(const Write& write);

    /// Finishes what was submitted and ends the thread.
    void close();

    Stats stats() const;

private:
    struct Pending;
    struct Batch;
    struct Statements;

    Writer(std::unique_ptr<sqlite::Database> database, History history, Hub& hub, const StoreOptions& options, Revision newest,
           Revision compacted);
    Status prepare();

    void run(const std::stop_token& stop);
    std::shared_ptr<Batch> join_batch(Pending& pending, bool& enough);
    std::shared_ptr<Batch> next_batch(const std::stop_token& stop);
    void commit(Batch& batch);
    void settle(Batch& batch, std::chrono::steady_clock::time_point start);
    Status write_batch(const Batch& batch);
    void roll_back();
    void write_log_back();

    Status apply(const Write& write, Answer& answer);
    Status apply(const PutWrite& write, Answer& answer);
    Status apply(const RemoveWrite& write, Answer& answer);
    Status apply(const GrantWrite& write, Answer& answer);
    Status apply(const RevokeWrite& write, Answer& answer);
    Status apply(const CompactWrite& write, Answer& answer);
    Status append(Change change);
    Status append_removal(Record previous);
    Status compact(Revision upto);

    std::unique_ptr<sqlite::Database> database_;
    History history_;
    std::unique_ptr<Statements> statements_;
    Hub& hub_;
    std::uint64_t const history_kept_;
    std::uint64_t const history_slack_;

    // Of the writing thread alone.
    Revision revision_;
    Revision compacted_;
    std::vector<Change> changes_; ///< Of the open transaction.
    bool wrote_ = false;          ///< The open transaction holds something.
    Revision compacted_before_ = 0;
    int log_pages_ = 0;        ///< As of the last commit.
    std::size_t expected_ = 1; ///< As many as wrote at the same time last.
    std::chrono::nanoseconds linger_{0};

    struct Figures {
        std::uint64_t writes = 0;
        std::uint64_t commits = 0;
        std::uint64_t bytes_written = 0;
    };
    base::Guarded<Figures> figures_;

    std::mutex mutex_;
    std::condition_variable_any gathered_;
    std::deque<std::shared_ptr<Batch>> queue_; ///< The last one still gathers.
    std::size_t wanted_ = 1;                   ///< So many must gather until the thread is woken.
    std::jthread thread_;                      ///< Last: it uses all of the above.
};

} // namespace nova::keyspace
