#include "control/namespace_controller.h"

#include "base/clock.h"

namespace nova::control {

Result<Next> NamespaceController::reconcile(const model::Key& key)
{
    auto const found = context_.store.get<model::Namespace>("", key.name);
    if (base::failed_with(found, base::Code::not_found))
        return Next::settled();
    auto const space = TRY(found);
    if (!space.meta.deleted)
        return Next::settled();
    if (TRY(mark_contents(key.name)) > 0)
        return Next::after(std::chrono::milliseconds{200});
    TRY(context_.store.release(key));
    return Next::settled();
}

Result<std::size_t> NamespaceController::mark_contents(const std::string& space)
{
    std::size_t left = 0;
    for (const auto& kind : model::kinds()) {
        if (!kind.namespaced)
            continue;
        for (const auto& record : TRY(context_.store.keyspace().list(model::storage_prefix(kind.kind, space))).records) {
            auto object = nlohmann::json::parse(record.value, nullptr, false);
            if (field_of(object, "/metadata/finalizers").empty()) {
                TRY(context_.store.keyspace().remove(record.key, record.modified));
                continue;
            }
            ++left;
            if (object["metadata"].contains("deletionTimestamp"))
                continue;
            object["metadata"]["deletionTimestamp"] = base::to_rfc3339(base::system_clock().now());
            TRY(context_.store.keyspace().put(record.key, object.dump(), {.expected = record.modified}));
        }
    }
    return left;
}

} // namespace nova::control
