#include "control/object_store.h"

#include "base/clock.h"
#include "sys/random.h"

namespace nova::control {

using nlohmann::json;

json field_of(const json& document, const char* pointer)
{
    json::json_pointer const place{pointer};
    return document.contains(place) ? document.at(place) : json{};
}

std::string text_of(const json& document, const char* pointer)
{
    auto const field = field_of(document, pointer);
    return field.is_string() ? field.get<std::string>() : std::string{};
}

Result<json> ObjectStore::read(const model::Key& key, keyspace::Revision& revision)
{
    auto const record = TRY(keyspace_.get(model::storage_key(key)).context("read " + to_string(key)));
    revision = record.modified;
    auto document = json::parse(record.value, nullptr, false);
    if (!document.is_object())
        return base::Error{base::Code::data_loss, "read " + to_string(key) + ": what is stored is no JSON object"};
    return document;
}

Result<keyspace::Revision> ObjectStore::write_status(const model::Key& key, keyspace::Revision seen, const json& status)
{
    keyspace::Revision revision = 0;
    auto document = TRY(read(key, revision));
    if (document.contains("status") ? document["status"] == status : status.empty())
        return seen; // An idle Nova writes nothing.
    if (revision != seen)
        return base::Error{base::Code::aborted, "report " + to_string(key) + ": it changed meanwhile"};
    document["status"] = status;
    auto put = keyspace_.put(model::storage_key(key), document.dump(), {.expected = revision});
    return TRY(std::move(put).context("report " + to_string(key))).modified;
}

Status ObjectStore::write_new(const model::Key& key, json object)
{
    auto& metadata = object["metadata"];
    metadata["uid"] = sys::random_uuid();
    metadata["creationTimestamp"] = base::to_rfc3339(base::system_clock().now());
    metadata["generation"] = 1;
    auto const put = keyspace_.put(model::storage_key(key), object.dump(), {.expected = 0});
    if (base::failed_with(put, base::Code::aborted))
        return base::Error{base::Code::already_exists, to_string(key) + " is there already"};
    TRY(put);
    return base::done();
}

Status ObjectStore::release(const model::Key& key)
{
    keyspace::Revision revision = 0;
    auto read_back = read(key, revision);
    if (base::failed_with(read_back, base::Code::not_found))
        return base::done();
    auto document = TRY(std::move(read_back));
    json left = json::array();
    for (const auto& finalizer : field_of(document, "/metadata/finalizers"))
        if (finalizer != control_finalizer)
            left.push_back(finalizer);
    auto const place = model::storage_key(key);
    if (left.empty()) {
        TRY(keyspace_.remove(place, revision).context("remove " + to_string(key)));
        return base::done();
    }
    document["metadata"]["finalizers"] = left;
    TRY(keyspace_.put(place, document.dump(), {.expected = revision}).context("release " + to_string(key)));
    return base::done();
}

Status ObjectStore::remove(const model::Key& key)
{
    auto const removed = keyspace_.remove(model::storage_key(key));
    if (!removed.ok() && removed.error().code() != base::Code::not_found)
        return removed.error();
    return base::done();
}

} // namespace nova::control
