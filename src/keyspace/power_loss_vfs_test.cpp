#include "keyspace/power_loss_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "keyspace/sqlite.h"
#include "keyspace/store_fixture.h"
#include "sys/file.h"

namespace nova::keyspace {
namespace {

constexpr auto sector_bytes = std::size_t{512};

void apply(std::string& content, const PowerLossVfs::Operation& operation)
{
    if (operation.truncates) {
        content.resize(operation.offset);
        return;
    }
    if (content.size() < operation.offset + operation.data.size())
        content.resize(operation.offset + operation.data.size());
    content.replace(operation.offset, operation.data.size(), operation.data);
}

/// A write of which each sector arrived or not.
void apply_in_part(std::string& content, const PowerLossVfs::Operation& operation, std::mt19937& random)
{
    if (operation.truncates) {
        if (random() % 2 == 0)
            apply(content, operation);
        return;
    }
    for (std::size_t done = 0; done < operation.data.size();) {
        auto const here = operation.offset + done;
        auto const length = std::min(sector_bytes - here % sector_bytes, operation.data.size() - done);
        if (random() % 2 == 0)
            apply(content, {here, operation.data.substr(done, length), false});
        done += length;
    }
}

/// The system's file follows this in memory.
struct ShimFile {
    sqlite3_file base;
    std::string* path;
};

sqlite3_vfs* system_vfs()
{
    static auto* const vfs = ::sqlite3_vfs_find("unix");
    return vfs;
}

sqlite3_file* inner(sqlite3_file* file)
{
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(ShimFile));
}

const std::string& path_of(sqlite3_file* file) { return *reinterpret_cast<ShimFile*>(file)->path; }

int shim_close(sqlite3_file* file)
{
    delete std::exchange(reinterpret_cast<ShimFile*>(file)->path, nullptr);
    return inner(file)->pMethods->xClose(inner(file));
}

int shim_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset)
{
    PowerLossVfs::instance().before_effect();
    PowerLossVfs::instance().changed(
        path_of(file),
        {static_cast<std::size_t>(offset), std::string{static_cast<const char*>(data), static_cast<std::size_t>(size)}, false});
    return inner(file)->pMethods->xWrite(inner(file), data, size, offset);
}

int shim_truncate(sqlite3_file* file, sqlite3_int64 size)
{
    PowerLossVfs::instance().before_effect();
    PowerLossVfs::instance().changed(path_of(file), {static_cast<std::size_t>(size), {}, true});
    return inner(file)->pMethods->xTruncate(inner(file), size);
}

int shim_sync(sqlite3_file* file, int)
{
    PowerLossVfs::instance().before_effect();
    PowerLossVfs::instance().synced(path_of(file)); // The real sync would only cost time.
    return SQLITE_OK;
}

// What only passes on. SQLite calls these by table, so each needs a function of its own.
#define PASS(method) [](sqlite3_file* file, auto... rest) { return inner(file)->pMethods->method(inner(file), rest...); }

const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = PASS(xRead),
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = PASS(xFileSize),
    .xLock = PASS(xLock),
    .xUnlock = PASS(xUnlock),
    .xCheckReservedLock = PASS(xCheckReservedLock),
    .xFileControl = PASS(xFileControl),
    .xSectorSize = PASS(xSectorSize),
    .xDeviceCharacteristics = PASS(xDeviceCharacteristics),
    .xShmMap = PASS(xShmMap),
    .xShmLock = PASS(xShmLock),
    .xShmBarrier = PASS(xShmBarrier),
    .xShmUnmap = PASS(xShmUnmap),
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int shim_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags)
{
    int const code = system_vfs()->xOpen(system_vfs(), name, inner(file), flags, out_flags);
    file->pMethods = code == SQLITE_OK ? &methods : nullptr;
    if (code == SQLITE_OK) {
        reinterpret_cast<ShimFile*>(file)->path = new std::string{name == nullptr ? "" : name};
        if (name != nullptr)
            PowerLossVfs::instance().opened(name);
    }
    return code;
}

int shim_delete(sqlite3_vfs*, const char* name, int sync_directory)
{
    PowerLossVfs::instance().removed(name);
    return system_vfs()->xDelete(system_vfs(), name, sync_directory);
}

} // namespace

PowerLossVfs& PowerLossVfs::instance()
{
    static PowerLossVfs vfs;
    return vfs;
}

PowerLossVfs::PowerLossVfs()
{
    static sqlite3_vfs vfs = *system_vfs();
    vfs.zName = "nova-power-loss";
    vfs.szOsFile += static_cast<int>(sizeof(ShimFile));
    vfs.xOpen = shim_open;
    vfs.xDelete = shim_delete;
    vfs.pNext = nullptr;
    ::sqlite3_vfs_register(&vfs, 0);
}

void PowerLossVfs::lose_power(const std::string& directory, const std::string& copy, unsigned seed)
{
    std::mt19937 random{seed};
    std::lock_guard const lock{mutex_};
    for (const auto& [path, state] : files_) {
        if (std::filesystem::path{path}.parent_path() != directory)
            continue;
        auto content = state.durable;
        for (const auto& operation : state.pending)
            apply_in_part(content, operation, random);
        std::ofstream{copy + "/" + std::filesystem::path{path}.filename().string(), std::ios::binary} << content;
    }
}

void PowerLossVfs::stop_at(unsigned nth, std::function<void()> action)
{
    std::lock_guard const lock{mutex_};
    until_stop_ = nth;
    action_ = std::move(action);
}

void PowerLossVfs::opened(const std::string& path)
{
    std::lock_guard const lock{mutex_};
    if (!files_.contains(path))
        files_[path].durable = sys::read_file(path).value_or("");
}

void PowerLossVfs::changed(const std::string& path, Operation operation)
{
    std::lock_guard const lock{mutex_};
    files_[path].pending.push_back(std::move(operation));
}

void PowerLossVfs::synced(const std::string& path)
{
    std::lock_guard const lock{mutex_};
    auto& state = files_[path];
    for (const auto& operation : state.pending)
        apply(state.durable, operation);
    state.pending.clear();
}

void PowerLossVfs::removed(const std::string& path)
{
    std::lock_guard const lock{mutex_};
    files_.erase(path);
}

void PowerLossVfs::before_effect()
{
    std::function<void()> action;
    {
        std::lock_guard const lock{mutex_};
        if (until_stop_ != 0 && --until_stop_ == 0)
            action = action_;
    }
    if (action)
        action();
}

namespace {

class PowerLossVfsTest : public StoreFixture {
protected:
    /// Writes one row and loses power: is the row there?
    bool keeps_a_row(const std::string& synchronous)
    {
        auto const file = path(synchronous + ".db");
        auto const copy = path(synchronous);
        std::filesystem::create_directory(copy);
        auto database = sqlite::Database::open(file, sqlite::Database::Mode::create, PowerLossVfs::name()).value();
        database
            .execute(("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t(x); PRAGMA synchronous = " +
                      synchronous + "; INSERT INTO t VALUES (zeroblob(20000))")
                         .c_str())
            .value();
        PowerLossVfs::instance().lose_power(directory_, copy, 1);
        auto after = sqlite::Database::open(copy + "/" + synchronous + ".db", sqlite::Database::Mode::read_write, {}).value();
        return after.integer("SELECT count(*) FROM t").value() == 1;
    }
};

TEST_F(PowerLossVfsTest, takes_what_was_not_synced_and_leaves_what_was)
{
    EXPECT_TRUE(keeps_a_row("FULL"));
    EXPECT_FALSE(keeps_a_row("NORMAL")); // So the tests with this VFS would fail if the store did not sync.
}

} // namespace
} // namespace nova::keyspace
