#include "apps/nova/cli/changes.h"

#include <algorithm>
#include <map>
#include <set>

#include "apps/nova/cli/object_text.h"

namespace nova::app {
namespace {

using nlohmann::json;

model::Key key_of(const json& object)
{
    return {text_at(object, "/kind"), text_at(object, "/metadata/namespace"), text_at(object, "/metadata/name")};
}

void collect(const json& before, const json& after, const std::string& path, std::vector<FieldChange>& changes)
{
    if (before == after)
        return;
    if (before.is_object() && after.is_object()) {
        for (const auto& [name, value] : before.items())
            collect(value, after.value(name, json{}), path + "." + name, changes);
        for (const auto& [name, value] : after.items())
            if (!before.contains(name))
                collect(json{}, value, path + "." + name, changes);
        return;
    }
    if (before.is_array() && after.is_array() && before.size() == after.size()) {
        for (std::size_t i = 0; i < before.size(); ++i)
            collect(before[i], after[i], path + "[" + std::to_string(i) + "]", changes);
        return;
    }
    auto const text = [](const json& value) { return value.is_null() ? std::string{} : value.dump(); };
    changes.push_back({path, text(before), text(after)});
}

bool is_hot(const std::string& kind, const std::string& path)
{
    if (kind == "Network" || kind == "Image" || kind == "Namespace")
        return true;
    for (const auto* field :
         {"spec.running", "spec.terminationGracePeriodSeconds", "spec.gracePeriodSeconds", "spec.restartPolicy"})
        if (path == field)
            return true;
    return path.starts_with("spec.containers[0].ports");
}

/// What a network is made of cannot change below its workloads.
bool needs_recreation(const std::string& kind, const std::string& path)
{
    if (kind == "Network")
        return path == "spec.subnet" || path == "spec.type" || path == "spec.bridge" || path == "spec.gateway";
    return kind == "Image" ? path == "spec.reference" : path == "spec.network";
}

Effect effect_of(const std::string& kind, const std::vector<FieldChange>& changes)
{
    auto effect = Effect::none;
    for (const auto& change : changes) {
        auto const one = needs_recreation(kind, change.path) ? Effect::recreate
                         : is_hot(kind, change.path)         ? Effect::hot
                                                             : Effect::restart;
        effect = std::max(effect, one);
    }
    return effect;
}

/// RFC 7386: objects merge, everything else is replaced, null removes.
json merge_patch(const json& before, const json& after)
{
    if (!before.is_object() || !after.is_object())
        return after;
    json patch = json::object();
    for (const auto& [name, value] : before.items())
        if (!after.contains(name))
            patch[name] = nullptr;
    for (const auto& [name, value] : after.items())
        if (!before.contains(name) || before[name] != value)
            patch[name] = before.contains(name) ? merge_patch(before[name], value) : value;
    return patch;
}

/// A network can't go while workloads are plugged into it: those of one that is made anew are made anew with it.
void recreate_users(std::vector<PlannedChange>& plan)
{
    std::set<std::string> renewed;
    for (const auto& change : plan)
        if (change.key.kind == "Network" && change.effect == Effect::recreate)
            renewed.insert(change.key.name);
    for (auto& change : plan) {
        bool const there = change.effect != Effect::create;
        if (there && renewed.contains(text_at(change.live, "/spec/network")))
            change.effect = Effect::recreate;
    }
}

} // namespace

json replacing_patch(const PlannedChange& change)
{
    return {{"spec", merge_patch(change.live.value("spec", json::object()), change.object.value("spec", json::object()))}};
}

int rank(const std::string& kind)
{
    static const std::map<std::string, int> ranks{
        {"Namespace", 0}, {"Image", 1}, {"Network", 2}, {"Pod", 3}, {"VirtualMachine", 4}};
    auto const found = ranks.find(kind);
    return found == ranks.end() ? 5 : found->second;
}

std::string_view to_string(Effect effect)
{
    switch (effect) {
    case Effect::none: return "unchanged";
    case Effect::create: return "create";
    case Effect::hot: return "change";
    case Effect::restart: return "restart";
    case Effect::recreate: return "recreate";
    case Effect::remove: return "remove";
    }
    return "unchanged";
}

std::vector<PlannedChange> plan_changes(const std::vector<json>& desired, const std::vector<json>& live)
{
    std::map<model::Key, const json*> there;
    for (const auto& object : live)
        there[key_of(object)] = &object;

    std::vector<PlannedChange> made;
    for (const auto& object : desired) {
        PlannedChange change{key_of(object), Effect::create, {}, object, nullptr};
        if (auto const found = there.find(change.key); found != there.end()) {
            collect(found->second->value("spec", json::object()), object.value("spec", json::object()), "spec", change.fields);
            change.effect = effect_of(change.key.kind, change.fields);
            change.live = *found->second;
            if (change.live.contains("/metadata/deletionTimestamp"_json_pointer))
                change.effect = Effect::recreate;
            there.erase(found);
        }
        made.push_back(std::move(change));
    }
    recreate_users(made);
    std::stable_sort(made.begin(), made.end(), [](const auto& a, const auto& b) { return rank(a.key.kind) < rank(b.key.kind); });

    std::vector<PlannedChange> removed;
    for (const auto& [key, object] : there)
        removed.push_back({key, Effect::remove, {}, nullptr, *object});
    std::stable_sort(removed.begin(), removed.end(),
                     [](const auto& a, const auto& b) { return rank(a.key.kind) > rank(b.key.kind); });
    made.insert(made.end(), std::make_move_iterator(removed.begin()), std::make_move_iterator(removed.end()));
    return made;
}

} // namespace nova::app
