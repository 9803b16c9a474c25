#include "keyspace/store_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "keyspace/gathering_vfs.h"
#include "sys/file.h"
#include "sys/file_lock.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::Error;
using base::Result;
using base::Status;
using sqlite::Database;

constexpr auto application_id = 0x4e4f5641; // "NOVA", so that file(1) and we know whose database it is.
constexpr auto schema_version = 1;
constexpr auto page_bytes = 4096;
constexpr auto log_frame_bytes = page_bytes + 24;

// One row per revision: a scan from a revision is a watch, and a write appends to the last page. by_key finds the newest row of a
// key at or below a revision without reading the rows themselves. by_lease costs nothing for keys without one.
constexpr auto schema = R"(
PRAGMA page_size = 4096;
PRAGMA application_id = 0x4e4f5641;
PRAGMA user_version = 1;
BEGIN;
CREATE TABLE history(
    revision INTEGER PRIMARY KEY,
    removed INTEGER NOT NULL,   -- 1: the key goes with this revision; value is empty
    created INTEGER NOT NULL,   -- revision of the write that made the key
    previous INTEGER NOT NULL,  -- revision that this one replaces, 0: none
    lease INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL) STRICT;
CREATE INDEX by_key ON history(key, revision, removed);
CREATE INDEX by_lease ON history(lease, key) WHERE lease <> 0;
CREATE TABLE lease(id INTEGER PRIMARY KEY, milliseconds INTEGER NOT NULL) STRICT;
CREATE TABLE compaction(one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL) STRICT;
INSERT INTO compaction VALUES (1, 0);
COMMIT;
PRAGMA journal_mode = WAL;
)";

Status sync(const std::string& path, int flags)
{
    auto const fd = TRY(sys::open_file(path, flags));
    if (::fsync(fd.get()) < 0)
        return Error::from_errno("fsync " + path);
    return base::done();
}

/// A log that already has its size: a commit then overwrites blocks in place and fdatasync(2) needs not write size and block map
/// too (a third less per commit on ext4). SQLite takes a log of zeros for an empty one.
Status make_log(const std::string& path)
{
    {
        auto const fd = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
        // A page at a time: one large write makes large folios in the page cache, of which ext4 walks every block at each small
        // write (a quarter of the time of 64 clients, Linux 6.18).
        std::string const page(page_bytes, '\0');
        for (auto written = 0; written < limits::log_pages_most * log_frame_bytes; written += page_bytes)
            TRY(sys::write_all(fd.get(), page));
    }
    return sync(path, O_WRONLY);
}

Status make_store(const std::string& directory, const std::string& path)
{
    auto const fresh = path + ".new";
    for (const auto* suffix : {"", "-wal", "-shm", "-journal"})
        TRY(sys::remove_file(fresh + suffix));
    {
        auto database = TRY(Database::open(fresh, Database::Mode::create));
        TRY(database.execute(schema));
        TRY(database.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    for (const auto* suffix : {"-wal", "-shm"})
        TRY(sys::remove_file(fresh + suffix));
    TRY(sync(fresh, O_WRONLY));
    TRY(make_log(path + "-wal"));
    if (::rename(fresh.c_str(), path.c_str()) < 0)
        return Error::from_errno("rename " + fresh);
    TRY(sync(directory, O_RDONLY | O_DIRECTORY));
    return sync(directory + "/..", O_RDONLY | O_DIRECTORY);
}

Error damaged(const std::string& path, const std::string& what)
{
    return Error{Code::data_loss,
                 path + " is damaged (" + what +
                     "). Nothing was changed. Keep a copy of its directory; then put a backup in its place, or move "
                     "the directory away to start with an empty store"};
}

/// Read by us: SQLite takes an empty file for a new database, and then removes its log.
Status check_head(const std::string& path)
{
    constexpr char magic[] = "SQLite format 3"; // With its terminating zero: https://www.sqlite.org/fileformat.html
    char head[sizeof magic] = {};
    auto const fd = TRY(sys::open_file(path, O_RDONLY));
    if (::pread(fd.get(), head, sizeof head, 0) != sizeof head ||
        !std::equal(std::begin(head), std::end(head), std::begin(magic)))
        return damaged(path, "it does not begin as a database does");
    return base::done();
}

/// A log with content whose database is gone must not be taken for a new store.
Status refuse_orphaned_log(const std::string& path)
{
    auto const log = path + "-wal";
    if (!sys::exists(log))
        return base::done();
    auto const fd = TRY(sys::open_file(log, O_RDONLY));
    char head[4] = {};
    if (::pread(fd.get(), head, sizeof head, 0) > 0 &&
        std::any_of(std::begin(head), std::end(head), [](char c) { return c != 0; }))
        return damaged(path, "the file is gone while its log " + log + " is there");
    return base::done();
}

Status check_content(Database& database, const std::string& path)
{
    if (TRY(database.integer("PRAGMA application_id")) != application_id)
        return damaged(path, "it does not bear Nova's mark");
    auto const version = TRY(database.integer("PRAGMA user_version"));
    if (version != schema_version)
        return Error{Code::failed_precondition, path + " was made by another version of Nova (schema " + std::to_string(version) +
                                                    ", this one reads " + std::to_string(schema_version) + ")"};
    if (TRY(database.text("PRAGMA journal_mode")) != "wal")
        return damaged(path, "it is not in WAL mode");
    auto const pages = TRY(database.integer("PRAGMA page_count"));
    if (static_cast<std::uint64_t>(pages) * page_bytes > limits::checked_at_open_bytes_most)
        return base::done();
    auto const verdict = TRY(database.text("PRAGMA quick_check(1)"));
    return verdict == "ok" ? base::done() : Status{damaged(path, verdict)};
}

} // namespace

Result<StoreFile> StoreFile::open(const std::string& directory, const StoreOptions& options)
{
    TRY(sys::make_directories(directory, 0700));
    auto lock = TRY(sys::try_lock(directory + "/lock"));
    if (!lock)
        return Error{Code::unavailable, "another process has the store in " + directory + " open"};
    StoreFile file{std::move(*lock), directory + "/store.db", options};
    if (!sys::exists(file.path_)) {
        TRY(refuse_orphaned_log(file.path_));
        TRY(make_store(directory, file.path_).context("make " + file.path_));
    }
    TRY(file.check());
    return file;
}

Status StoreFile::check() const
{
    TRY(check_head(path_)); // Before SQLite has it open: closing a descriptor of ours would drop SQLite's locks on the file.
    auto database = Database::open(path_, Database::Mode::read_write, vfs_);
    if (!database.ok())
        return std::move(database).take_error();
    auto checked = check_content(database.value(), path_);
    if (checked.ok() || checked.error().code() != Code::data_loss || checked.error().message().starts_with(path_))
        return checked;
    return damaged(path_, checked.error().message());
}

Result<Database> StoreFile::connect_writer() const
{
    auto database = TRY(Database::open(path_, Database::Mode::read_write, gathering_vfs(vfs_)));
    TRY(database.execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192"));
    TRY(database.execute(("PRAGMA max_page_count = " + std::to_string(bytes_most_ / page_bytes)).c_str()));
    int persist = 1; // Keep the log and its blocks: see make_log.
    ::sqlite3_file_control(database.handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    return database;
}

Result<Database> StoreFile::connect_reader() const
{
    auto database = TRY(Database::open(path_, Database::Mode::read_only, vfs_));
    TRY(database.execute("PRAGMA cache_size = -1024"));
    return database;
}

} // namespace nova::keyspace
