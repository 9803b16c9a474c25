#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

/// Thin handles around SQLite: one connection, one prepared statement, one run of a statement.
namespace nova::keyspace::sqlite {

using base::Error;
using base::Result;
using base::Status;

class Statement;

/// One connection. Used by one thread at a time.
class Database {
public:
    enum class Mode { read_only, read_write, create };

    /// `vfs` empty: the system's. Errors: as error().
    static Result<Database> open(const std::string& path, Mode mode, const std::string& vfs = {});

    Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Database& operator=(Database&&) = delete;
    ~Database() { ::sqlite3_close_v2(handle_); }

    Status execute(const char* sql);
    Result<Statement> prepare(std::string_view sql);

    /// The first column of the first row of a query, as a number or as text. Errors: internal - no row.
    Result<std::int64_t> integer(std::string_view sql);
    Result<std::string> text(std::string_view sql);

    /// What SQLite said last, as ours: data_loss - the file is damaged; resource_exhausted - disk full;
    /// unavailable - locked by another; the errno's class where the system failed.
    Error error(std::string_view doing) const;

    bool in_transaction() const { return ::sqlite3_get_autocommit(handle_) == 0; }
    sqlite3* handle() const { return handle_; }

private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    sqlite3* handle_;
};

/// A prepared statement. Must go before its Database. Empty when default-built or moved from.
class Statement {
public:
    Statement() = default;
    Statement(Database& database, sqlite3_stmt* handle) : database_(&database), handle_(handle) {}
    Statement(Statement&& other) noexcept : database_(other.database_), handle_(std::exchange(other.handle_, nullptr)) {}
    Statement& operator=(Statement&& other) noexcept
    {
        std::swap(database_, other.database_);
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Statement() { ::sqlite3_finalize(handle_); }

private:
    friend class Run;
    Database* database_ = nullptr;
    sqlite3_stmt* handle_ = nullptr;
};

/// One run of a statement with its arguments bound; resets it at the end. Text is bound as a BLOB and not copied:
/// it must outlive the run.
class Run {
public:
    template <typename... Arguments>
    explicit Run(Statement& statement, const Arguments&... arguments) : statement_(statement)
    {
        int index = 0;
        (bind(++index, arguments), ...);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run() { ::sqlite3_reset(statement_.handle_); }

    /// True: stands on a row. False: no more. The bytes of the row before are gone.
    Result<bool> next();

    /// For statements that yield no rows.
    Status finish();

    std::int64_t integer(int column) const { return ::sqlite3_column_int64(statement_.handle_, column); }
    bool is_null(int column) const { return ::sqlite3_column_type(statement_.handle_, column) == SQLITE_NULL; }
    std::string_view bytes(int column) const;

private:
    void bind(int index, std::int64_t number) { keep(::sqlite3_bind_int64(statement_.handle_, index, number)); }
    void bind(int index, std::uint64_t number) { bind(index, static_cast<std::int64_t>(number)); }
    void bind(int index, int number) { bind(index, std::int64_t{number}); }
    void bind(int index, std::string_view bytes);
    void bind(int index, const std::string& bytes) { bind(index, std::string_view{bytes}); }
    void keep(int code) { bound_ = bound_ == SQLITE_OK ? code : bound_; }

    Statement& statement_;
    int bound_ = SQLITE_OK;
};

} // namespace nova::keyspace::sqlite
