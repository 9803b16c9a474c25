#include "api/patch.h"

#include <algorithm>

namespace nova::api {
namespace {

/// Lists whose elements have a key, by the list's name; what is not here is replaced whole.
const char* merge_key(std::string_view list)
{
    if (list == "containers" || list == "initContainers" || list == "env" || list == "volumes")
        return "name";
    if (list == "volumeMounts")
        return "mountPath";
    if (list == "ports")
        return "containerPort";
    if (list == "conditions")
        return "type";
    return nullptr;
}

json strategic(const json& target, const json& patch);

bool is_directive(std::string_view key) { return key.starts_with("$"); }

json merge_list(json target, const json& patch, const char* key)
{
    if (!target.is_array())
        target = json::array();
    for (const auto& element : patch) {
        if (!element.is_object() || !element.contains(key))
            continue;
        auto const same = std::find_if(target.begin(), target.end(), [&](const json& other) {
            return other.is_object() && other.contains(key) && other[key] == element[key];
        });
        if (element.value("$patch", "") == "delete") {
            if (same != target.end())
                target.erase(same);
        } else if (same != target.end()) {
            *same = strategic(*same, element);
        } else {
            target.push_back(strategic(json::object(), element));
        }
    }
    return target;
}

bool replaces_list(const json& patch)
{
    return std::any_of(patch.begin(), patch.end(),
                       [](const json& element) { return element.is_object() && element.value("$patch", "") == "replace"; });
}

json strategic(const json& target, const json& patch)
{
    if (!patch.is_object())
        return patch;
    json merged = target.is_object() && patch.value("$patch", "") != "replace" ? target : json::object();
    for (const auto& [key, value] : patch.items()) {
        if (is_directive(key))
            continue; // $setElementOrder and the like: order within these lists carries no meaning.
        const auto* const by = value.is_array() ? merge_key(key) : nullptr;
        if (value.is_null() || (value.is_object() && value.value("$patch", "") == "delete"))
            merged.erase(key);
        else if (by != nullptr && !replaces_list(value))
            merged[key] = merge_list(merged.value(key, json::array()), value, by);
        else
            merged[key] = strategic(merged.value(key, json{}), value);
    }
    return merged;
}

} // namespace

std::optional<PatchType> patch_type(std::string_view media_type)
{
    if (media_type == "application/merge-patch+json")
        return PatchType::merge;
    if (media_type == "application/json-patch+json")
        return PatchType::operations;
    if (media_type == "application/strategic-merge-patch+json")
        return PatchType::strategic;
    return std::nullopt;
}

Result<json> apply_patch(PatchType type, const json& object, const json& patch)
{
    if (type != PatchType::operations && !patch.is_object())
        return base::Error{base::Code::invalid_argument, "a merge patch must be a JSON object"};
    try { // The library's only way to say no.
        if (type == PatchType::operations)
            return object.patch(patch);
        if (type == PatchType::strategic)
            return strategic(object, patch);
        json merged = object;
        merged.merge_patch(patch);
        return merged;
    } catch (const json::exception& failure) {
        return base::Error{base::Code::invalid_argument, std::string{"the patch can't be applied: "} + failure.what()};
    }
}

} // namespace nova::api
