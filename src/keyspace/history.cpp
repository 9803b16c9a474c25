#include "keyspace/history.h"

#include "keyspace/limits.h"

namespace nova::keyspace {

using base::Code;
using base::Error;
using sqlite::Run;
using sqlite::Statement;

namespace {

Error future(Revision wanted, Revision newest)
{
    return Error{Code::out_of_range,
                 "revision " + std::to_string(wanted) + " lies in the future: the newest is " + std::to_string(newest)};
}

/// A read transaction: everything inside sees one state.
class Snapshot {
public:
    static Result<Snapshot> begin(sqlite::Database& database)
    {
        TRY(database.execute("BEGIN"));
        return Snapshot{database};
    }
    Snapshot(Snapshot&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
    Snapshot& operator=(Snapshot&&) = delete;
    ~Snapshot()
    {
        if (database_ != nullptr && database_->in_transaction())
            (void)database_->execute("ROLLBACK");
    }

private:
    explicit Snapshot(sqlite::Database& database) : database_(&database) {}
    sqlite::Database* database_;
};

Revision revision_in(const Run& run, int column) { return static_cast<Revision>(run.integer(column)); }

} // namespace

struct History::Statements {
    Statement current;
    Statement at;
    Statement keys;
    Statement changes;
    Statement newest;
    Statement compacted;
    Statement keys_of_lease;
    Statement lease;
    Statement leases;
};

History::History(sqlite::Database& database, std::unique_ptr<Statements> statements)
    : database_(database), statements_(std::move(statements))
{}

History::History(History&&) noexcept = default;
History::~History() = default;

Result<History> History::open(sqlite::Database& database)
{
    auto statements = std::make_unique<Statements>();
    statements->current = TRY(database.prepare("SELECT revision, removed, created, lease, value FROM history INDEXED BY by_key "
                                               "WHERE key = ?1 ORDER BY revision DESC LIMIT 1"));
    statements->at = TRY(database.prepare("SELECT key, value, created, lease FROM history WHERE revision = ?1"));
    statements->keys = TRY(database.prepare(
        "SELECT key, max(revision), removed FROM history INDEXED BY by_key "
        "WHERE key > ?1 AND key >= ?2 AND key < ?3 AND revision <= ?4 GROUP BY key HAVING removed = 0 ORDER BY key"));
    statements->changes =
        TRY(database.prepare("SELECT h.revision, h.removed, h.created, h.lease, h.key, h.value, "
                             "p.revision, p.created, p.lease, p.value "
                             "FROM history h LEFT JOIN history p ON p.revision = h.previous AND h.previous <> 0 "
                             "WHERE h.revision > ?1 AND h.revision <= ?2 AND +h.key >= ?3 AND +h.key < ?4 ORDER BY h.revision"));
    statements->newest = TRY(database.prepare("SELECT max(revision) FROM history"));
    statements->compacted = TRY(database.prepare("SELECT revision FROM compaction"));
    statements->keys_of_lease =
        TRY(database.prepare("SELECT DISTINCT key FROM history INDEXED BY by_lease WHERE lease = ?1 AND lease <> 0"));
    statements->lease = TRY(database.prepare("SELECT 1 FROM lease WHERE id = ?1"));
    statements->leases = TRY(database.prepare("SELECT id, milliseconds FROM lease"));
    return History{database, std::move(statements)};
}

Result<std::optional<Record>> History::current(std::string_view key)
{
    Run run{statements_->current, key};
    if (!TRY(run.next()) || run.integer(1) != 0)
        return std::optional<Record>{};
    return std::optional<Record>{Record{.key = std::string{key},
                                        .value = std::string{run.bytes(4)},
                                        .created = revision_in(run, 2),
                                        .modified = revision_in(run, 0),
                                        .lease = static_cast<LeaseId>(run.integer(3))}};
}

Result<Record> History::at(Revision revision)
{
    Run run{statements_->at, revision};
    if (!TRY(run.next()))
        return Error{Code::data_loss,
                     "revision " + std::to_string(revision) +
                         " is in the index but not in the table: stop Nova, keep a copy of the store, restore a backup"};
    return Record{.key = std::string{run.bytes(0)},
                  .value = std::string{run.bytes(1)},
                  .created = revision_in(run, 2),
                  .modified = revision,
                  .lease = static_cast<LeaseId>(run.integer(3))};
}

Result<Page> History::page(const Range& range)
{
    auto const snapshot = TRY(Snapshot::begin(database_));
    return read_page(range);
}

Result<Page> History::read_page(const Range& range)
{
    Page page;
    auto const newest_here = TRY(newest());
    auto const oldest = TRY(compacted());
    page.revision = range.at.value_or(newest_here);
    if (page.revision > newest_here)
        return future(page.revision, newest_here);
    if (page.revision < oldest)
        return expired(page.revision, oldest);

    auto const end = end_of(range.prefix);
    std::size_t bytes = 0;
    Run run{statements_->keys, range.after, range.prefix, end, page.revision};
    while (TRY(run.next())) {
        bool const full = range.limit != 0 && (page.records.size() == range.limit || bytes > limits::page_bytes_most);
        if (full) {
            ++page.remaining;
            continue;
        }
        if (bytes > limits::unlimited_list_bytes_most)
            return Error{Code::resource_exhausted, "list is over " + std::to_string(limits::unlimited_list_bytes_most >> 20) +
                                                       " MiB: ask for pages with a limit"};
        page.records.push_back(TRY(at(revision_in(run, 1))));
        bytes += page.records.back().key.size() + page.records.back().value.size();
    }
    return page;
}

Result<Stretch> History::changes(std::string_view prefix, Revision after, Revision upto, std::size_t most)
{
    auto const snapshot = TRY(Snapshot::begin(database_));
    return read_changes(prefix, after, upto, most);
}

Result<Stretch> History::read_changes(std::string_view prefix, Revision after, Revision upto, std::size_t most)
{
    auto const oldest = TRY(compacted());
    if (after < oldest)
        return expired(after, oldest);
    Stretch stretch{.changes = {}, .upto = upto};
    auto const end = end_of(prefix);
    std::size_t bytes = 0;
    Run run{statements_->changes, after, upto, prefix, end};
    while (TRY(run.next())) {
        if (stretch.changes.size() == most || bytes > limits::take_bytes_most) {
            stretch.upto = stretch.changes.back().record.modified;
            break;
        }
        Change change;
        change.record = Record{std::string{run.bytes(4)}, std::string{run.bytes(5)}, revision_in(run, 2), revision_in(run, 0),
                               static_cast<LeaseId>(run.integer(3))};
        if (!run.is_null(6))
            change.previous = Record{change.record.key, std::string{run.bytes(9)}, revision_in(run, 7), revision_in(run, 6),
                                     static_cast<LeaseId>(run.integer(8))};
        if (run.integer(1) != 0) {
            change.type = Change::Type::removed;
            if (change.previous) // The row of a removal holds no value of its own.
                change.record.value = change.previous->value;
        }
        bytes += change.record.key.size() + 2 * change.record.value.size();
        stretch.changes.push_back(std::move(change));
    }
    return stretch;
}

Result<Revision> History::newest()
{
    Run run{statements_->newest};
    TRY(run.next());
    // Where everything was removed and compacted away, the compaction is the last trace of the counter.
    return std::max(revision_in(run, 0), TRY(compacted()));
}

Result<Revision> History::compacted()
{
    Run run{statements_->compacted};
    if (!TRY(run.next()))
        return Error{Code::data_loss,
                     "the store lost its compaction mark: stop Nova, keep a copy of the store, restore a backup"};
    return revision_in(run, 0);
}

Result<std::vector<std::string>> History::keys_of(LeaseId lease)
{
    std::vector<std::string> keys;
    Run run{statements_->keys_of_lease, lease};
    while (TRY(run.next()))
        keys.emplace_back(run.bytes(0));
    return keys;
}

Result<bool> History::has_lease(LeaseId lease)
{
    Run run{statements_->lease, lease};
    return run.next();
}

Result<std::vector<History::LeaseRow>> History::leases()
{
    std::vector<LeaseRow> rows;
    Run run{statements_->leases};
    while (TRY(run.next()))
        rows.push_back({static_cast<LeaseId>(run.integer(0)), std::chrono::milliseconds{run.integer(1)}});
    return rows;
}

std::string end_of(std::string_view prefix)
{
    std::string end{prefix};
    while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff)
        end.pop_back();
    if (end.empty())
        return std::string(limits::key_bytes_most + 1, '\xff');
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return end;
}

Error expired(Revision wanted, Revision compacted)
{
    return Error{Code::out_of_range, "Expired: revision " + std::to_string(wanted) +
                                         " was compacted, the oldest that can be read is " + std::to_string(compacted) +
                                         ": list again and watch from there"};
}

} // namespace nova::keyspace
