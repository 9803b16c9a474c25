#include "model/json_merge.h"

#include <vector>

#include "model/json_writer.h"

namespace nova::model {

namespace {

std::vector<JsonValue> members_of(JsonValue object)
{
    std::vector<JsonValue> members;
    if (!object.has_children())
        return members;
    for (auto value = object.first();; value = value.next()) {
        std::erase_if(members, [&](const auto& earlier) { return earlier.key() == value.key(); });
        members.push_back(value);
        if (!value.has_next())
            return members;
    }
}

const JsonValue* find(const std::vector<JsonValue>& members, std::string_view key)
{
    for (const auto& member : members)
        if (member.key() == key)
            return &member;
    return nullptr;
}

void write_merged(JsonWriter& json, JsonValue base, JsonValue patch)
{
    if (base.kind() != JsonValue::Kind::object || patch.kind() != JsonValue::Kind::object) {
        json.raw(patch.source());
        return;
    }
    auto const old = members_of(base);
    auto const fresh = members_of(patch);
    json.begin('{');
    for (const auto& member : old) {
        json.key(member.key());
        if (const auto* const other = find(fresh, member.key()))
            write_merged(json, member, *other);
        else
            json.raw(member.source());
    }
    for (const auto& member : fresh)
        if (!find(old, member.key()))
            json.key(member.key()).raw(member.source());
    json.end('}');
}

} // namespace

std::string merge_json(JsonValue base, JsonValue patch)
{
    JsonWriter json;
    write_merged(json, base, patch);
    return json.text();
}

} // namespace nova::model
