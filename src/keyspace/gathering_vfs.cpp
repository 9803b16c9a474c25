#include "keyspace/gathering_vfs.h"

#include <sqlite3.h>

#include <map>
#include <memory>
#include <utility>

#include "base/guarded.h"

namespace nova::keyspace {
namespace {

/// The unix VFS writes at most 0x1ffff bytes at once (seekAndWriteFd in os_unix.c of SQLite) and calls the rest a full disk.
constexpr auto gathered_bytes_most = std::size_t{120} << 10;

/// What is gathered: consecutive bytes of the log.
struct Gathered {
    std::string bytes;
    sqlite3_int64 at = 0;
};

/// SQLite allocates it; the file of the VFS below follows it in memory.
struct GatheringFile {
    sqlite3_file base;
    Gathered* gathered; ///< Null: no log.
};

sqlite3_file* below(sqlite3_file* file)
{
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(GatheringFile));
}

Gathered* gathered_of(sqlite3_file* file) { return reinterpret_cast<GatheringFile*>(file)->gathered; }

int write_below(sqlite3_file* file, const void* data, std::size_t size, sqlite3_int64 at)
{
    return below(file)->pMethods->xWrite(below(file), data, static_cast<int>(size), at);
}

int flush(sqlite3_file* file)
{
    auto* const gathered = gathered_of(file);
    if (gathered == nullptr || gathered->bytes.empty())
        return SQLITE_OK;
    int const code = write_below(file, gathered->bytes.data(), gathered->bytes.size(), gathered->at);
    gathered->bytes.clear(); // Also on failure: SQLite then takes the transaction back and writes these places anew.
    return code;
}

int gather(sqlite3_file* file, const void* data, int size, sqlite3_int64 at)
{
    auto* const gathered = gathered_of(file);
    auto const bytes = static_cast<std::size_t>(size);
    if (gathered == nullptr)
        return write_below(file, data, bytes, at);
    bool const follows = at == gathered->at + static_cast<sqlite3_int64>(gathered->bytes.size());
    if (!follows || gathered->bytes.size() + bytes > gathered_bytes_most) {
        if (int const code = flush(file); code != SQLITE_OK)
            return code;
        gathered->at = at;
    }
    gathered->bytes.append(static_cast<const char*>(data), bytes);
    return SQLITE_OK;
}

int close(sqlite3_file* file)
{
    int const flushed = flush(file);
    delete std::exchange(reinterpret_cast<GatheringFile*>(file)->gathered, nullptr);
    int const closed = below(file)->pMethods->xClose(below(file));
    return flushed == SQLITE_OK ? closed : flushed;
}

/// Calls a method of the file below; FLUSHED first writes what was gathered.
#define PASS(method) [](sqlite3_file* file, auto... rest) { return below(file)->pMethods->method(below(file), rest...); }
#define FLUSHED(method)                                                                                                          \
    [](sqlite3_file* file, auto... rest) {                                                                                       \
        int const code = flush(file);                                                                                            \
        return code != SQLITE_OK ? code : below(file)->pMethods->method(below(file), rest...);                                   \
    }

const sqlite3_io_methods methods = {
    .iVersion = 2, // Without xFetch: nothing is mapped.
    .xClose = close,
    .xRead = FLUSHED(xRead),
    .xWrite = gather,
    .xTruncate = FLUSHED(xTruncate),
    .xSync = FLUSHED(xSync),
    .xFileSize = FLUSHED(xFileSize),
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

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags)
{
    auto* const next = static_cast<sqlite3_vfs*>(vfs->pAppData);
    auto* const ours = reinterpret_cast<GatheringFile*>(file);
    ours->gathered = nullptr;
    int const code = next->xOpen(next, name, below(file), flags, out_flags);
    file->pMethods = code == SQLITE_OK ? &methods : nullptr;
    if (code == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0)
        ours->gathered = new Gathered;
    return code;
}

/// SQLite keeps a pointer to a VFS and to its name for ever.
struct Registered {
    Registered(std::string its_name, const sqlite3_vfs& copied) : name(std::move(its_name)), vfs(copied) {}
    std::string name;
    sqlite3_vfs vfs;
};

std::unique_ptr<Registered> register_over(const std::string& name, sqlite3_vfs* next)
{
    auto registered = std::make_unique<Registered>(name, *next);
    auto& vfs = registered->vfs;
    vfs.zName = registered->name.c_str();
    vfs.szOsFile = next->szOsFile + static_cast<int>(sizeof(GatheringFile));
    vfs.pNext = nullptr;
    vfs.pAppData = next;
    vfs.xOpen = open;
    vfs.xDelete = [](sqlite3_vfs* self, const char* path, int sync) {
        auto* const below_us = static_cast<sqlite3_vfs*>(self->pAppData);
        return below_us->xDelete(below_us, path, sync);
    };
    vfs.xAccess = [](sqlite3_vfs* self, const char* path, int flags, int* out) {
        auto* const below_us = static_cast<sqlite3_vfs*>(self->pAppData);
        return below_us->xAccess(below_us, path, flags, out);
    };
    vfs.xFullPathname = [](sqlite3_vfs* self, const char* path, int size, char* out) {
        auto* const below_us = static_cast<sqlite3_vfs*>(self->pAppData);
        return below_us->xFullPathname(below_us, path, size, out);
    };
    ::sqlite3_vfs_register(&vfs, 0);
    return registered;
}

} // namespace

std::string gathering_vfs(const std::string& below_name)
{
    static base::Guarded<std::map<std::string, std::unique_ptr<Registered>>> all;
    auto* const next = ::sqlite3_vfs_find(below_name.empty() ? nullptr : below_name.c_str());
    if (next == nullptr)
        return below_name; // Opening it will say that there is no such VFS.
    return all.with([&](auto& registered) {
        auto& ours = registered[next->zName];
        if (!ours)
            ours = register_over(std::string{"nova-gathering-"} + next->zName, next);
        return ours->name;
    });
}

} // namespace nova::keyspace
