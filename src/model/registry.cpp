#include "model/registry.h"

#include "base/strings.h"
#include "model/description.h"
#include "model/kinds.h"

namespace nova::model {
namespace {

/// Every kind there is. A new one is named here and described in its own file.
const std::vector<const KindDescription*>& descriptions()
{
    static std::vector<const KindDescription*> const all{
        &describe_kind(static_cast<const Namespace*>(nullptr)),     &describe_kind(static_cast<const Node*>(nullptr)),
        &describe_kind(static_cast<const Event*>(nullptr)),         &describe_kind(static_cast<const Image*>(nullptr)),
        &describe_kind(static_cast<const Network*>(nullptr)),       &describe_kind(static_cast<const Pod*>(nullptr)),
        &describe_kind(static_cast<const VirtualMachine*>(nullptr))};
    return all;
}

const KindDescription& description_of(const KindInfo& kind)
{
    for (auto const* description : descriptions())
        if (description->info.kind == kind.kind)
            return *description;
    base::must_failed("description_of: a kind that is not registered");
}

std::string lower(std::string_view text)
{
    std::string result{text};
    for (auto& character : result)
        if (character >= 'A' && character <= 'Z')
            character = static_cast<char>(character + ('a' - 'A'));
    return result;
}

} // namespace

const std::vector<KindInfo>& kinds()
{
    static auto const all = [] {
        std::vector<KindInfo> infos;
        for (auto const* description : descriptions()) {
            infos.push_back(description->info);
            infos.back().columns = columns_of(*description->object);
        }
        return infos;
    }();
    return all;
}

const KindInfo* find_kind(std::string_view kind)
{
    for (const auto& info : kinds())
        if (info.kind == kind)
            return &info;
    return nullptr;
}

const KindInfo* find_resource(std::string_view group, std::string_view version, std::string_view plural)
{
    for (const auto& info : kinds())
        if (info.group == group && info.version == version && info.plural == plural)
            return &info;
    return nullptr;
}

const KindInfo* find_kind_by_any_name(std::string_view name)
{
    auto const wanted = lower(name);
    for (const auto& info : kinds()) {
        if (wanted == info.plural || wanted == info.singular)
            return &info;
        for (const auto& short_name : info.short_names)
            if (wanted == short_name || wanted == short_name + "s")
                return &info;
    }
    return nullptr;
}

Result<json> admit(const KindInfo& kind, const json& object)
{
    const auto& description = description_of(kind);
    auto const typed = description.object->make();
    TRY(read_kind(description, object, typed.get()));
    return print_kind(description, typed.get());
}

Result<Meta> read_meta(const json& object)
{
    Problems problems;
    Meta meta;
    auto const step = problems.inside("metadata");
    if (!object.is_object() || !object.contains("metadata"))
        problems.add("is required");
    else
        read_object(describe(&meta), &meta, object["metadata"], problems);
    if (problems.count() > 0)
        return base::Error::invalid(problems.take());
    return meta;
}

void write_meta(json& object, const Meta& meta) { object["metadata"] = print_object(describe(&meta), &meta); }

Key key_of(const KindInfo& kind, const json& object)
{
    auto const text = [&](const char* field) -> std::string {
        if (!object.is_object() || !object.contains("metadata") || !object["metadata"].is_object())
            return {};
        const auto& meta = object["metadata"];
        return meta.contains(field) && meta[field].is_string() ? meta[field].get<std::string>() : std::string{};
    };
    return {kind.kind, kind.namespaced ? text("namespace") : "", text("name")};
}

json explain(const KindInfo& kind)
{
    return {{"kind", kind.kind},
            {"apiVersion", kind.api_version()},
            {"name", kind.singular},
            {"type", "object"},
            {"doc", kind.doc},
            {"namespaced", kind.namespaced},
            {"shortNames", kind.short_names},
            {"fields", explain_fields(*description_of(kind).object)}};
}

} // namespace nova::model
