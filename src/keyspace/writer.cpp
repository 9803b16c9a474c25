#include "keyspace/writer.h"

#include "base/log.h"
#include "keyspace/limits.h"
#include "sys/event.h"
#include "sys/wake_up.h"

namespace nova::keyspace {

using base::Code;
using base::Error;
using sqlite::Database;
using sqlite::Run;
using sqlite::Statement;

namespace {

constexpr auto page_bytes = std::uint64_t{4096};

Answer mismatch(std::string_view key, Revision expected, const std::optional<Record>& current)
{
    auto const is = current ? "is at revision " + std::to_string(current->modified) : std::string{"does not exist"};
    auto const shall = expected == 0 ? std::string{"that it does not exist"} : "revision " + std::to_string(expected);
    return Error{Code::aborted, std::string{key} + " " + is + ", expected was " + shall};
}

Answer no_such_lease(LeaseId id) { return Error{Code::not_found, "there is no lease " + std::to_string(id)}; }

std::size_t bytes_of(const Write& write)
{
    auto const* const put = std::get_if<PutWrite>(&write);
    return put == nullptr ? 0 : put->key.size() + put->value.size();
}

} // namespace

/// On the stack of the thread that waits for it.
struct Writer::Pending {
    const Write& write;
    Answer answer = Record{};
};

/// Writes that become durable together. All who wait are woken by one system call.
struct Writer::Batch {
    std::vector<Pending*> writes;
    std::size_t bytes = 0;
    sys::Event settled;

    bool full() const { return writes.size() == limits::batch_writes_most || bytes >= limits::batch_bytes_most; }
};

struct Writer::Statements {
    Statement insert;
    Statement grant;
    Statement revoke;
    Statement forget_replaced;
    Statement forget_removals;
    Statement mark_compacted;
};

Result<std::unique_ptr<Writer>> Writer::open(const StoreFile& file, Hub& hub, const StoreOptions& options, Revision newest,
                                             Revision compacted)
{
    auto database = std::make_unique<Database>(TRY(file.connect_writer()));
    auto history = TRY(History::open(*database));
    std::unique_ptr<Writer> writer{new Writer{std::move(database), std::move(history), hub, options, newest, compacted}};
    TRY(writer->prepare());
    writer->thread_ = std::jthread{[raw = writer.get()](const std::stop_token& stop) { raw->run(stop); }};
    return writer;
}

Writer::Writer(std::unique_ptr<Database> database, History history, Hub& hub, const StoreOptions& options, Revision newest,
               Revision compacted)
    : database_(std::move(database)),
      history_(std::move(history)),
      hub_(hub),
      history_kept_(options.history_kept),
      history_slack_(options.history_slack),
      revision_(newest),
      compacted_(compacted)
{}

Writer::~Writer() { close(); }

Status Writer::prepare()
{
    auto const note_length = [](void* pages, sqlite3*, const char*, int now) {
        *static_cast<int*>(pages) = now;
        return SQLITE_OK;
    };
    ::sqlite3_wal_hook(database_->handle(), note_length, &log_pages_);
    // A row is replaced by the row whose `previous` it is: so compaction reads only the revisions it newly covers, however many
    // keys there are.
    statements_ = std::make_unique<Statements>();
    statements_->insert = TRY(database_->prepare("INSERT INTO history(revision, removed, created, previous, lease, key, value) "
                                                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    statements_->grant = TRY(database_->prepare("INSERT INTO lease(id, milliseconds) VALUES (?1, ?2)"));
    statements_->revoke = TRY(database_->prepare("DELETE FROM lease WHERE id = ?1"));
    statements_->forget_replaced =
        TRY(database_->prepare("DELETE FROM history WHERE revision IN "
                               "(SELECT previous FROM history WHERE revision > ?1 AND revision <= ?2 AND previous <> 0)"));
    statements_->forget_removals =
        TRY(database_->prepare("DELETE FROM history WHERE revision > ?1 AND revision <= ?2 AND removed = 1"));
    statements_->mark_compacted = TRY(database_->prepare("UPDATE compaction SET revision = ?1"));
    return base::done();
}

Answer Writer::submit(const Write& write)
{
    Pending pending{.write = write};
    bool enough = false;
    auto const batch = join_batch(pending, enough);
    if (enough)
        gathered_.notify_one();
    batch->settled.wait();
    return std::move(pending.answer);
}

std::shared_ptr<Writer::Batch> Writer::join_batch(Pending& pending, bool& enough)
{
    std::lock_guard const lock{mutex_};
    if (queue_.empty() || queue_.back()->full())
        queue_.push_back(std::make_shared<Batch>());
    auto const& batch = queue_.back();
    batch->writes.push_back(&pending);
    batch->bytes += bytes_of(pending.write);
    enough = batch->writes.size() >= wanted_ || batch->full();
    return batch;
}

void Writer::close()
{
    thread_.request_stop();
    if (thread_.joinable())
        thread_.join();
}

void Writer::run(const std::stop_token& stop)
{
    sys::wake_up_quickly(); // It sleeps in every sync, and all who write wait for it.
    while (auto const batch = next_batch(stop))
        commit(*batch);
}

/// Null: stopped, and nothing is left.
std::shared_ptr<Writer::Batch> Writer::next_batch(const std::stop_token& stop)
{
    std::unique_lock lock{mutex_};
    gathered_.wait(lock, stop, [this] { return !queue_.empty(); });
    if (queue_.empty())
        return nullptr;
    if (queue_.front()->writes.size() < expected_) {
        wanted_ = expected_;
        gathered_.wait_for(lock, stop, linger_,
                           [this] { return queue_.front()->writes.size() >= expected_ || queue_.front()->full(); });
        wanted_ = 1;
    }
    auto batch = std::move(queue_.front());
    queue_.pop_front();
    return batch;
}

void Writer::commit(Batch& batch)
{
    auto const start = std::chrono::steady_clock::now();
    auto const revision_before = revision_;
    compacted_before_ = compacted_;
    auto written = write_batch(batch);
    if (!written.ok()) {
        roll_back();
        revision_ = revision_before;
        compacted_ = compacted_before_;
        // Also for refusals: what they saw in this transaction is not there any more.
        for (auto* pending : batch.writes)
            pending->answer = Error{written.error()}.context("write to the store");
    } else {
        hub_.publish(std::move(changes_));
        if (compacted_ != compacted_before_)
            hub_.set_compacted(compacted_);
    }
    changes_.clear();
    settle(batch, start);
    if (written.ok())
        write_log_back(); // After the answers: nobody waits for it but the next batch.
}

void Writer::settle(Batch& batch, std::chrono::steady_clock::time_point start)
{
    {
        std::lock_guard const lock{mutex_};
        auto const waiting = queue_.empty() ? 0 : queue_.front()->writes.size();
        expected_ = std::min(batch.writes.size() + waiting, limits::batch_writes_most);
    }
    linger_ = (std::chrono::steady_clock::now() - start) / 4;
    batch.settled.set(); // From here on what those who waited put on their stacks may be gone.
}

Status Writer::write_batch(const Batch& batch)
{
    TRY(database_->execute("BEGIN IMMEDIATE"));
    wrote_ = false;
    for (auto* pending : batch.writes)
        TRY(apply(pending->write, pending->answer));
    if (!wrote_)
        return database_->execute("ROLLBACK");
    if (revision_ > compacted_ + history_kept_ + history_slack_)
        TRY(compact(revision_ - history_kept_));
    TRY(database_->execute("COMMIT"));

    int pages = 0;
    int highest = 0;
    ::sqlite3_db_status(database_->handle(), SQLITE_DBSTATUS_CACHE_WRITE, &pages, &highest, 1);
    figures_.with([&](auto& figures) {
        ++figures.commits;
        figures.writes += changes_.size();
        figures.bytes_written += static_cast<std::uint64_t>(pages) * page_bytes;
    });
    return base::done();
}

void Writer::roll_back()
{
    if (!database_->in_transaction()) // SQLite rolls back by itself where the disk is full.
        return;
    if (auto rolled_back = database_->execute("ROLLBACK"); !rolled_back.ok())
        base::log_error("keyspace: " + rolled_back.error().message());
}

/// Moves the log into the database once it is long. Where that fails (a reader in its way, a full disk) the log goes on, and the
/// next write tries again.
void Writer::write_log_back()
{
    if (log_pages_ < limits::log_pages_most)
        return;
    int frames = 0;
    int moved = 0;
    if (::sqlite3_wal_checkpoint_v2(database_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &moved) != SQLITE_OK)
        return;
    figures_.with([&](auto& figures) { figures.bytes_written += static_cast<std::uint64_t>(moved) * page_bytes; });
}

Status Writer::apply(const Write& write, Answer& answer)
{
    return std::visit([&](const auto& one) { return apply(one, answer); }, write);
}

Status Writer::apply(const PutWrite& write, Answer& answer)
{
    auto current = TRY(history_.current(write.key));
    auto const revision = current ? current->modified : 0;
    if (write.options.expected && *write.options.expected != revision) {
        answer = mismatch(write.key, *write.options.expected, current);
        return base::done();
    }
    if (write.options.lease != 0 && !TRY(history_.has_lease(write.options.lease))) {
        answer = no_such_lease(write.options.lease);
        return base::done();
    }
    Change change;
    change.record = Record{.key = std::string{write.key},
                           .value = std::string{write.value},
                           .created = current ? current->created : revision_ + 1,
                           .modified = revision_ + 1,
                           .lease = write.options.lease};
    change.previous = std::move(current);
    answer = change.record;
    return append(std::move(change));
}

Status Writer::apply(const RemoveWrite& write, Answer& answer)
{
    auto current = TRY(history_.current(write.key));
    if (!current) {
        answer = Error{Code::not_found, "there is no " + std::string{write.key}};
        return base::done();
    }
    if (write.expected && *write.expected != current->modified) {
        answer = mismatch(write.key, *write.expected, current);
        return base::done();
    }
    answer = Record{.key = {}, .value = {}, .modified = revision_ + 1};
    return append_removal(std::move(*current));
}

Status Writer::apply(const GrantWrite& write, Answer&)
{
    wrote_ = true;
    return Run{statements_->grant, write.id, static_cast<std::int64_t>(write.time_to_live.count())}.finish();
}

Status Writer::apply(const RevokeWrite& write, Answer& answer)
{
    if (!TRY(history_.has_lease(write.id))) {
        answer = no_such_lease(write.id);
        return base::done();
    }
    for (const auto& key : TRY(history_.keys_of(write.id))) {
        auto current = TRY(history_.current(key));
        if (current && current->lease == write.id) // Another write may have taken the key from the lease.
            TRY(append_removal(std::move(*current)));
    }
    wrote_ = true;
    return Run{statements_->revoke, write.id}.finish();
}

Status Writer::apply(const CompactWrite& write, Answer& answer)
{
    if (write.upto > revision_) {
        answer = Error{Code::out_of_range,
                       "compact up to revision " + std::to_string(write.upto) + ": the newest is " + std::to_string(revision_)};
        return base::done();
    }
    return write.upto > compacted_ ? compact(write.upto) : base::done();
}

Status Writer::append_removal(Record previous)
{
    Change change{.type = Change::Type::removed, .record = previous, .previous = std::move(previous)};
    change.record.modified = revision_ + 1;
    return append(std::move(change));
}

Status Writer::append(Change change)
{
    bool const removed = change.type == Change::Type::removed;
    auto const& record = change.record;
    Run insert{statements_->insert,
               record.modified,
               removed ? 1 : 0,
               record.created,
               change.previous ? change.previous->modified : 0,
               removed ? 0 : record.lease,
               record.key,
               removed ? std::string_view{} : std::string_view{record.value}};
    TRY(insert.finish());
    wrote_ = true;
    revision_ = record.modified;
    changes_.push_back(std::move(change));
    return base::done();
}

Status Writer::compact(Revision upto)
{
    wrote_ = true;
    TRY(Run(statements_->forget_replaced, compacted_, upto).finish());
    TRY(Run(statements_->forget_removals, compacted_, upto).finish());
    TRY(Run(statements_->mark_compacted, upto).finish());
    compacted_ = upto;
    return base::done();
}

Stats Writer::stats() const
{
    return figures_.with([](const auto& figures) {
        Stats stats;
        stats.writes = figures.writes;
        stats.commits = figures.commits;
        stats.bytes_written = figures.bytes_written;
        return stats;
    });
}

} // namespace nova::keyspace
