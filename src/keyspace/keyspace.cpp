#include "keyspace/keyspace.h"

#include "keyspace/hub.h"
#include "keyspace/leases.h"
#include "keyspace/limits.h"
#include "keyspace/readers.h"
#include "keyspace/sqlite_keyspace.h"
#include "keyspace/token.h"
#include "keyspace/writer.h"
#include "sys/random.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::Error;

Status check_key(std::string_view key)
{
    if (key.empty())
        return Error{Code::invalid_argument, "a key must not be empty"};
    if (key.size() > limits::key_bytes_most)
        return Error{Code::resource_exhausted, "the key has " + std::to_string(key.size()) + " bytes, the most allowed are " +
                                                   std::to_string(limits::key_bytes_most)};
    return base::done();
}

Status check_value(std::string_view key, std::string_view value)
{
    if (value.size() > limits::value_bytes_most)
        return Error{Code::resource_exhausted, "the value of " + std::string{key} + " has " + std::to_string(value.size()) +
                                                   " bytes, the most allowed are " + std::to_string(limits::value_bytes_most)};
    return base::done();
}

LeaseId random_lease()
{
    // 63 bits: SQLite's integers have a sign.
    auto const id = std::stoull(sys::random_hex(16), nullptr, 16) >> 1;
    return id == 0 ? 1 : id;
}

/// What watches outlive their store with.
struct Shared {
    Shared(StoreFile opened, Revision newest, Revision compacted, const StoreOptions& options)
        : file(std::move(opened)), readers(file), hub(newest, compacted, options.ring_changes_most)
    {}
    StoreFile file;
    Readers readers;
    Hub hub;
};

class SqliteWatch final : public Watch {
public:
    SqliteWatch(std::shared_ptr<Shared> shared, std::shared_ptr<Watcher> watcher)
        : shared_(std::move(shared)), watcher_(std::move(watcher))
    {}
    ~SqliteWatch() override { shared_->hub.remove(watcher_); }

    Result<std::vector<Change>> take(std::size_t most) override
    {
        if (most == 0)
            return std::vector<Change>{};
        while (true) {
            auto const taken = TRY(shared_->hub.take(watcher_, most));
            if (!taken.behind)
                return copy(taken.changes);
            auto stretch = TRY(shared_->readers.with(
                [&](History& history) { return history.changes(watcher_->prefix, taken.cursor, taken.upto, most); }));
            shared_->hub.advance(*watcher_, stretch.upto);
            if (!stretch.changes.empty())
                return std::move(stretch.changes);
        }
    }

    Revision progress() const override { return shared_->hub.progress(*watcher_); }

private:
    static std::vector<Change> copy(const std::vector<std::shared_ptr<const Change>>& shared)
    {
        std::vector<Change> changes;
        changes.reserve(shared.size());
        for (const auto& change : shared)
            changes.push_back(*change);
        return changes;
    }

    std::shared_ptr<Shared> shared_;
    std::shared_ptr<Watcher> watcher_;
};

class SqliteKeyspace final : public Keyspace {
public:
    static Result<std::unique_ptr<Keyspace>> open(const std::string& directory, const StoreOptions& options);
    ~SqliteKeyspace() override;

    Result<Record> get(std::string_view key) override;
    Result<Page> list(std::string_view prefix, const ListOptions& options) override;
    Result<Record> put(std::string_view key, std::string_view value, const PutOptions& options) override;
    Result<Revision> remove(std::string_view key, std::optional<Revision> expected) override;
    Result<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision from, std::function<void()> on_ready) override;
    Result<LeaseId> grant(std::chrono::milliseconds time_to_live) override;
    Status keep_alive(LeaseId lease) override { return leases_->keep_alive(lease); }
    Status revoke(LeaseId lease) override;
    Status compact(Revision upto) override;
    Revision revision() const override { return shared_->hub.head(); }
    Stats stats() const override;

private:
    SqliteKeyspace(std::shared_ptr<Shared> shared, std::unique_ptr<Writer> writer);
    Status load_leases();

    std::shared_ptr<Shared> shared_;
    std::unique_ptr<Writer> writer_;
    std::unique_ptr<Leases> leases_; ///< After the writer: its thread submits to it.
};

SqliteKeyspace::SqliteKeyspace(std::shared_ptr<Shared> shared, std::unique_ptr<Writer> writer)
    : shared_(std::move(shared)), writer_(std::move(writer)), leases_(std::make_unique<Leases>([this](LeaseId id) -> Status {
          TRY(writer_->submit(RevokeWrite{id}));
          return base::done();
      }))
{}

SqliteKeyspace::~SqliteKeyspace()
{
    leases_->close();
    writer_->close();
    shared_->hub.close();
    shared_->readers.close();
    writer_.reset();
    shared_->file.unlock(); // A watch may outlive us and hold what is shared, but not the store.
}

Result<std::unique_ptr<Keyspace>> SqliteKeyspace::open(const std::string& directory, const StoreOptions& options)
{
    auto file = TRY(StoreFile::open(directory, options));
    Revision newest = 0;
    Revision compacted = 0;
    {
        auto database = TRY(file.connect_reader());
        auto history = TRY(History::open(database));
        newest = TRY(history.newest());
        compacted = TRY(history.compacted());
    }
    auto shared = std::make_shared<Shared>(std::move(file), newest, compacted, options);
    auto writer = TRY(Writer::open(shared->file, shared->hub, options, newest, compacted));
    std::unique_ptr<SqliteKeyspace> keyspace{new SqliteKeyspace{std::move(shared), std::move(writer)}};
    TRY(keyspace->load_leases());
    return std::unique_ptr<Keyspace>{std::move(keyspace)};
}

Status SqliteKeyspace::load_leases()
{
    auto const rows = TRY(shared_->readers.with([](History& history) { return history.leases(); }));
    for (const auto& row : rows) {
        TRY(leases_->reserve());
        leases_->add(row.id, row.time_to_live);
    }
    return base::done();
}

Result<Record> SqliteKeyspace::get(std::string_view key)
{
    TRY(check_key(key));
    auto found = TRY(shared_->readers.with([&](History& history) { return history.current(key); }));
    if (!found)
        return Error{Code::not_found, "there is no " + std::string{key}};
    shared_->hub.await(found->modified); // So that a watch from what was read never lies in the future.
    return std::move(*found);
}

Result<Page> SqliteKeyspace::list(std::string_view prefix, const ListOptions& options)
{
    Token token;
    auto at = options.at;
    if (!options.continue_token.empty()) {
        token = TRY(parse_token(options.continue_token, prefix));
        at = token.revision;
    }
    auto page = TRY(shared_->readers.with([&](History& history) {
        return history.page({.prefix = prefix, .after = token.after, .at = at, .limit = options.limit});
    }));
    if (page.remaining != 0)
        page.continue_token = to_string(Token{page.revision, page.records.back().key});
    shared_->hub.await(page.revision);
    return page;
}

Result<Record> SqliteKeyspace::put(std::string_view key, std::string_view value, const PutOptions& options)
{
    TRY(check_key(key));
    TRY(check_value(key, value));
    return writer_->submit(PutWrite{key, value, options});
}

Result<Revision> SqliteKeyspace::remove(std::string_view key, std::optional<Revision> expected)
{
    TRY(check_key(key));
    return TRY(writer_->submit(RemoveWrite{key, expected})).modified;
}

Result<std::unique_ptr<Watch>> SqliteKeyspace::watch(std::string_view prefix, Revision from, std::function<void()> on_ready)
{
    auto watcher = TRY(shared_->hub.add(prefix, from, std::move(on_ready)));
    return std::unique_ptr<Watch>{std::make_unique<SqliteWatch>(shared_, std::move(watcher))};
}

Result<LeaseId> SqliteKeyspace::grant(std::chrono::milliseconds time_to_live)
{
    if (time_to_live < limits::time_to_live_least || time_to_live > limits::time_to_live_most)
        return Error{Code::invalid_argument,
                     "a lease lives 1 ms to 366 days, not " + std::to_string(time_to_live.count()) + " ms"};
    TRY(leases_->reserve());
    auto const id = random_lease();
    auto granted = writer_->submit(GrantWrite{id, time_to_live});
    if (!granted.ok()) {
        leases_->release();
        return std::move(granted).take_error();
    }
    leases_->add(id, time_to_live);
    return id;
}

Status SqliteKeyspace::revoke(LeaseId lease)
{
    TRY(writer_->submit(RevokeWrite{lease}));
    leases_->forget(lease);
    return base::done();
}

Status SqliteKeyspace::compact(Revision upto)
{
    TRY(writer_->submit(CompactWrite{upto}));
    return base::done();
}

Stats SqliteKeyspace::stats() const
{
    auto stats = writer_->stats();
    stats.watches = shared_->hub.watches();
    stats.revision = shared_->hub.head();
    stats.compacted = shared_->hub.compacted();
    return stats;
}

} // namespace

Result<std::unique_ptr<Keyspace>> open_sqlite_keyspace(const std::string& directory, const StoreOptions& options)
{
    return SqliteKeyspace::open(directory, options);
}

Result<std::unique_ptr<Keyspace>> open_keyspace(const std::string& directory) { return SqliteKeyspace::open(directory, {}); }

} // namespace nova::keyspace
