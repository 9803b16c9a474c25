#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keyspace/keyspace.h"
#include "keyspace/sqlite.h"

namespace nova::keyspace {

/// What a range of the history held for one prefix.
struct Stretch {
    std::vector<Change> changes;
    Revision upto = 0; ///< Nothing else changed up to here.
};

/// Reads the tables over one connection. Used by one thread at a time.
class History {
public:
    static Result<History> open(sqlite::Database& database);
    History(History&&) noexcept;
    ~History();

    Result<std::optional<Record>> current(std::string_view key);
    Result<Record> at(Revision revision); ///< Errors: data_loss - no such row.

    /// What list() answers; `after` is the last key of the page before.
    struct Range {
        std::string_view prefix;
        std::string_view after;
        std::optional<Revision> at;
        std::size_t limit = 0;
    };
    /// In one snapshot. The token is left to the caller: the last record's key. Errors: out_of_range.
    Result<Page> page(const Range& range);

    /// In one snapshot. Errors: out_of_range - `after` was compacted.
    Result<Stretch> changes(std::string_view prefix, Revision after, Revision upto, std::size_t most);

    Result<Revision> newest();
    Result<Revision> compacted();
    Result<std::vector<std::string>> keys_of(LeaseId lease); ///< Candidates: had this lease in some revision.
    Result<bool> has_lease(LeaseId lease);

    struct LeaseRow {
        LeaseId id;
        std::chrono::milliseconds time_to_live;
    };
    Result<std::vector<LeaseRow>> leases();

private:
    struct Statements;
    explicit History(sqlite::Database& database, std::unique_ptr<Statements> statements);

    Result<Page> read_page(const Range& range);
    Result<Stretch> read_changes(std::string_view prefix, Revision after, Revision upto, std::size_t most);

    sqlite::Database& database_;
    std::unique_ptr<Statements> statements_;
};

/// The first key after all that start with the prefix; where there is none, one longer than any key.
std::string end_of(std::string_view prefix);

/// "Expired: …", as watchers and lists get it.
base::Error expired(Revision wanted, Revision compacted);

} // namespace nova::keyspace
