#pragma once

#include <optional>
#include <vector>

#include "api/message.h"
#include "api/route.h"
#include "api/selector.h"
#include "api/table.h"
#include "api/watch.h"
#include "keyspace/keyspace.h"

namespace nova::api {

struct ListQuery {
    std::string space; ///< Empty: all.
    Selector selector;
    std::size_t limit = 0; ///< 0: all.
    std::string continue_token;
    std::optional<keyspace::Revision> at; ///< resourceVersionMatch=Exact
};

/// What the parameters of a list or of a deletion of many say. Errors: invalid_argument.
Result<ListQuery> list_query(const Request& request, const Route& route);

/// What the parameters of a watch say. Errors: invalid_argument.
Result<WatchOptions> watch_options(const Request& request, const Route& route);

/// The KIND's List, or a Table. Errors: out_of_range - the token or revision is too old.
Result<Response> list_objects(keyspace::Keyspace& store, const model::KindInfo& kind, const ListQuery& query,
                              const std::optional<TableFormat>& table);

/// All of them, whatever the limit.
Result<std::vector<json>> matching_objects(keyspace::Keyspace& store, const model::KindInfo& kind, const ListQuery& query);

Result<keyspace::Revision> parse_revision(const std::string& text);

} // namespace nova::api
