#include "keyspace/sqlite.h"

#include <cstring>

#include "keyspace/limits.h"

namespace nova::keyspace::sqlite {
namespace {

int open_flags(Database::Mode mode)
{
    switch (mode) {
    case Database::Mode::read_only: return SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    case Database::Mode::read_write: return SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    case Database::Mode::create: return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    }
    return SQLITE_OPEN_READONLY;
}

base::Code code_of(int sqlite_code, int errnum)
{
    switch (sqlite_code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return base::Code::data_loss;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return base::Code::resource_exhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return base::Code::unavailable;
    case SQLITE_PERM:
    case SQLITE_READONLY: return base::Code::permission_denied;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return errnum == 0 ? base::Code::internal : base::code_from_errno(errnum);
    default: return base::Code::internal;
    }
}

} // namespace

Result<Database> Database::open(const std::string& path, Mode mode, const std::string& vfs)
{
    sqlite3* handle = nullptr;
    int const code = ::sqlite3_open_v2(path.c_str(), &handle, open_flags(mode), vfs.empty() ? nullptr : vfs.c_str());
    if (handle == nullptr)
        return Error{base::Code::resource_exhausted, "open " + path + ": out of memory"};
    Database database{handle};
    if (code != SQLITE_OK)
        return database.error("open " + path);
    ::sqlite3_extended_result_codes(handle, 1);
    ::sqlite3_busy_timeout(handle, static_cast<int>(limits::busy_wait_most.count()));
    // Closing must never write: a damaged store is left as it was found, and the log is read back at the next open.
    ::sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return database;
}

Status Database::execute(const char* sql)
{
    if (::sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        return error(sql);
    return base::done();
}

Result<Statement> Database::prepare(std::string_view sql)
{
    sqlite3_stmt* statement = nullptr;
    if (::sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
        SQLITE_OK)
        return error("prepare " + std::string{sql});
    return Statement{*this, statement};
}

Result<std::int64_t> Database::integer(std::string_view sql)
{
    auto statement = TRY(prepare(sql));
    Run run{statement};
    if (!TRY(run.next()))
        return Error{base::Code::internal, "no row: " + std::string{sql}};
    return run.integer(0);
}

Result<std::string> Database::text(std::string_view sql)
{
    auto statement = TRY(prepare(sql));
    Run run{statement};
    if (!TRY(run.next()))
        return Error{base::Code::internal, "no row: " + std::string{sql}};
    return std::string{run.bytes(0)};
}

Error Database::error(std::string_view doing) const
{
    int const code = ::sqlite3_extended_errcode(handle_);
    int const errnum = ::sqlite3_system_errno(handle_);
    auto message = std::string{doing} + ": " + ::sqlite3_errmsg(handle_);
    bool const system_failed = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    if (system_failed && errnum != 0)
        message += std::string{" ("} + std::strerror(errnum) + ")";
    return Error{code_of(code, errnum), std::move(message)};
}

Result<bool> Run::next()
{
    if (bound_ == SQLITE_OK) {
        int const code = ::sqlite3_step(statement_.handle_);
        if (code == SQLITE_ROW || code == SQLITE_DONE)
            return code == SQLITE_ROW;
    }
    return statement_.database_->error(::sqlite3_sql(statement_.handle_));
}

Status Run::finish()
{
    TRY(next());
    return base::done();
}

std::string_view Run::bytes(int column) const
{
    // The pointer first: asking for it may change the size.
    auto const* const data = static_cast<const char*>(::sqlite3_column_blob(statement_.handle_, column));
    auto const size = static_cast<std::size_t>(::sqlite3_column_bytes(statement_.handle_, column));
    return data == nullptr ? std::string_view{} : std::string_view{data, size};
}

void Run::bind(int index, std::string_view bytes)
{
    if (bytes.empty()) // A null pointer would bind NULL.
        keep(::sqlite3_bind_zeroblob(statement_.handle_, index, 0));
    else
        keep(::sqlite3_bind_blob64(statement_.handle_, index, bytes.data(), bytes.size(), SQLITE_STATIC));
}

} // namespace nova::keyspace::sqlite
