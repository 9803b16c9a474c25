#pragma once

#include <string>

#include "keyspace/limits.h"
#include "keyspace/sqlite.h"
#include "sys/unique_fd.h"

namespace nova::keyspace {

/// What tests change; everybody else takes the defaults.
struct StoreOptions {
    std::string vfs{}; ///< Of SQLite; empty: the system's.
    std::uint64_t database_bytes_most = limits::database_bytes_most;
    std::uint64_t history_kept = limits::history_kept;
    std::uint64_t history_slack = limits::history_slack;
    std::size_t ring_changes_most = limits::ring_changes_most;
};

/// The files of one store, locked for this process:
///   lock                     flock(2), never removed
///   store.db                 the database; always whole, since it is made under another name and renamed
///   store.db-wal, -shm       SQLite's log and its index: part of the store while they exist
/// A backup is the whole directory, taken while no Nova has it open. Rot inside a value or in the log is not noticed.
class StoreFile {
public:
    /// Makes the store where there is none, and checks the one that is there before anything is written to it: up to 64 MiB its
    /// whole structure.
    /// Errors: failed_precondition - open elsewhere, or made by a newer Nova; data_loss - damaged, with the next step.
    static base::Result<StoreFile> open(const std::string& directory, const StoreOptions& options);

    base::Result<sqlite::Database> connect_writer() const;
    base::Result<sqlite::Database> connect_reader() const;

    /// Lets another process open the store. Nothing may be connected any more.
    void unlock() { lock_.reset(); }

private:
    StoreFile(sys::UniqueFd lock, std::string path, const StoreOptions& options)
        : lock_(std::move(lock)), path_(std::move(path)), vfs_(options.vfs), bytes_most_(options.database_bytes_most)
    {}
    base::Status check() const;

    sys::UniqueFd lock_;
    std::string path_;
    std::string vfs_;
    std::uint64_t bytes_most_;
};

} // namespace nova::keyspace
