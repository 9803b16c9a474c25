#include "api/listing.h"

#include <limits>

#include "api/objects.h"
#include "base/strings.h"

namespace nova::api {
namespace {

constexpr std::size_t page_size = 500; // Records read at a time, so that a long list never lies in memory twice.

struct Found {
    std::vector<keyspace::Record> records;
    keyspace::Revision revision = 0;
    std::string continue_token;
    std::size_t remaining = 0;
};

Result<bool> matches(const Selector& selector, const keyspace::Record& record)
{
    return selector.empty() || selector.matches(TRY(object_of(record)));
}

Result<Found> find(keyspace::Keyspace& store, const model::KindInfo& kind, const ListQuery& query)
{
    Found found;
    keyspace::ListOptions options{.limit = 0, .continue_token = query.continue_token, .at = query.at};
    while (true) {
        auto const wanted = query.limit == 0 ? page_size : query.limit - found.records.size();
        options.limit = std::min(wanted, page_size);
        auto page = TRY(store.list(model::storage_prefix(kind.kind, query.space), options));
        for (auto& record : page.records)
            if (TRY(matches(query.selector, record)))
                found.records.push_back(std::move(record));
        found.revision = page.revision;
        found.continue_token = page.continue_token;
        found.remaining = page.remaining;
        if (page.continue_token.empty() || (query.limit > 0 && found.records.size() >= query.limit))
            return found;
        options.continue_token = page.continue_token;
        options.at.reset(); // The token knows its revision.
    }
}

json list_meta(const Found& found, const ListQuery& query)
{
    json meta{{"resourceVersion", std::to_string(found.revision)}};
    if (!found.continue_token.empty()) {
        meta["continue"] = found.continue_token;
        if (query.selector.empty()) // With a selector nobody has counted.
            meta["remainingItemCount"] = found.remaining;
    }
    return meta;
}

Result<std::optional<std::chrono::seconds>> timeout_of(const Request& request)
{
    auto const text = request.parameter("timeoutSeconds");
    if (text.empty())
        return std::optional<std::chrono::seconds>{};
    return std::optional{std::chrono::seconds{TRY(base::parse_integer(text, 0, 86400).context("timeoutSeconds"))}};
}

Result<Selector> selector_of(const Request& request)
{
    return Selector::parse(request.parameter("labelSelector"), request.parameter("fieldSelector"));
}

} // namespace

Result<keyspace::Revision> parse_revision(const std::string& text)
{
    auto const number = TRY(base::parse_integer(text, 0, std::numeric_limits<long long>::max()).context("resourceVersion"));
    return static_cast<keyspace::Revision>(number);
}

Result<ListQuery> list_query(const Request& request, const Route& route)
{
    ListQuery query;
    query.space = route.space;
    query.selector = TRY(selector_of(request));
    if (query.space.empty() && route.kind->namespaced)
        query.space = query.selector.space();
    if (auto const limit = request.parameter("limit"); !limit.empty())
        query.limit = static_cast<std::size_t>(TRY(base::parse_integer(limit, 0, 1'000'000).context("limit")));
    query.continue_token = request.parameter("continue");
    if (request.parameter("resourceVersionMatch") == "Exact")
        query.at = TRY(parse_revision(request.parameter("resourceVersion")));
    return query;
}

Result<WatchOptions> watch_options(const Request& request, const Route& route)
{
    WatchOptions options;
    options.space = route.space;
    auto const fields = request.parameter("fieldSelector");
    auto const one = route.name.empty() ? fields : "metadata.name=" + route.name + (fields.empty() ? "" : "," + fields);
    options.selector = TRY(Selector::parse(request.parameter("labelSelector"), one));
    options.bookmarks = request.flag("allowWatchBookmarks");
    options.timeout = TRY(timeout_of(request));
    options.table = table_wanted(request);
    auto const version = request.parameter("resourceVersion");
    auto const revision = version.empty() ? keyspace::Revision{0} : TRY(parse_revision(version));
    if (const auto* const initial = request.find("sendInitialEvents"); initial != nullptr) {
        bool const send = request.flag("sendInitialEvents");
        options.mark_initial_end = send && options.bookmarks;
        options.skip_initial = !send;
        if (!send && revision > 0)
            options.from = revision;
        return options; // With initial events, "not older than" any revision is now.
    }
    if (revision > 0)
        options.from = revision;
    return options;
}

Result<Response> list_objects(keyspace::Keyspace& store, const model::KindInfo& kind, const ListQuery& query,
                              const std::optional<TableFormat>& table)
{
    auto const found = TRY(find(store, kind, query));
    auto const meta = list_meta(found, query);
    if (table) {
        std::vector<json> objects;
        for (const auto& record : found.records)
            objects.push_back(TRY(object_of(record)));
        return json_response(make_table(kind, objects, meta, *table));
    }
    Response response;
    response.body = R"({"apiVersion":")" + kind.api_version() + R"(","kind":")" + kind.kind + R"(List","metadata":)" +
                    meta.dump() + R"(,"items":[)";
    for (std::size_t i = 0; i < found.records.size(); ++i)
        response.body.append(i == 0 ? "" : ",").append(TRY(text_of(kind, found.records[i])));
    response.body += "]}\n";
    return response;
}

Result<std::vector<json>> matching_objects(keyspace::Keyspace& store, const model::KindInfo& kind, const ListQuery& query)
{
    ListQuery all = query;
    all.limit = 0;
    std::vector<json> objects;
    for (const auto& record : TRY(find(store, kind, all)).records)
        objects.push_back(TRY(object_of(record)));
    return objects;
}

} // namespace nova::api
