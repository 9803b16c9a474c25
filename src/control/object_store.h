#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "keyspace/keyspace.h"
#include "model/kinds.h"
#include "model/registry.h"

namespace nova::control {

using base::Result;
using base::Status;

using model::key_of;

/// Objects in their typed form over the keyspace. Controllers read specs and report statuses through it, and never write a spec.
class ObjectStore {
public:
    explicit ObjectStore(keyspace::Keyspace& keyspace) : keyspace_(keyspace) {}

    /// Errors: not_found; data_loss - what is stored does not read as this kind.
    template <typename T>
    Result<T> get(const std::string& space, const std::string& name);

    /// All of a kind, or those in one namespace. One that does not read is logged and left out: it must not hide the others.
    template <typename T>
    Result<std::vector<T>> list(const std::string& space = "");

    /// Writes the status, if it differs from what is stored; `object` then stands at the new revision.
    /// Errors: aborted - the object changed since it was read.
    template <typename T>
    Status put_status(T& object);

    /// Makes an object that nobody else writes (Node, Event, the first Namespace). Errors: already_exists.
    template <typename T>
    Status create(const T& object);

    /// Takes our finalizer off; with the last one, the marked object goes. Accepts absence.
    Status release(const model::Key& key);

    /// Removes an object at once, whatever its finalizers. Accepts absence.
    Status remove(const model::Key& key);

    keyspace::Keyspace& keyspace() { return keyspace_; }

private:
    Result<nlohmann::json> read(const model::Key& key, keyspace::Revision& revision);
    Result<keyspace::Revision> write_status(const model::Key& key, keyspace::Revision seen, const nlohmann::json& status);
    Status write_new(const model::Key& key, nlohmann::json object);

    keyspace::Keyspace& keyspace_;
};

template <typename T>
Result<T> ObjectStore::get(const std::string& space, const std::string& name)
{
    keyspace::Revision revision = 0;
    auto const document = TRY(read({model::kind_name<T>(), space, name}, revision));
    auto object = TRY(model::from_json<T>(document));
    object.meta.revision = revision;
    return object;
}

template <typename T>
Result<std::vector<T>> ObjectStore::list(const std::string& space)
{
    auto const page = TRY(keyspace_.list(model::storage_prefix(model::kind_name<T>(), space)));
    std::vector<T> objects;
    for (const auto& record : page.records) {
        auto object = model::from_json<T>(nlohmann::json::parse(record.value, nullptr, false));
        if (!object.ok()) {
            base::log_error("read " + record.key + ": " + object.error().message());
            continue;
        }
        objects.push_back(std::move(object).value());
        objects.back().meta.revision = record.modified;
    }
    return objects;
}

template <typename T>
Status ObjectStore::put_status(T& object)
{
    auto const status = model::to_json(object).value("status", nlohmann::json::object());
    object.meta.revision = TRY(write_status(key_of(object), object.meta.revision, status));
    return base::done();
}

template <typename T>
Status ObjectStore::create(const T& object)
{
    return write_new(key_of(object), model::to_json(object));
}

/// What stands at this place of a document; null where nothing does. Unlike json::value it never throws.
nlohmann::json field_of(const nlohmann::json& document, const char* pointer);
std::string text_of(const nlohmann::json& document, const char* pointer); ///< Empty where there is no text.

/// What holds a deleted object until what it stands for is torn down.
constexpr auto control_finalizer = "nanocloud.io/control";

} // namespace nova::control
