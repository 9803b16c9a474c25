#include "apps/nova/cli/object_text.h"

namespace nova::app {

using nlohmann::json;

namespace {

const json* find_at(const json& object, const char* pointer)
{
    json::json_pointer const place{pointer};
    return object.contains(place) ? &object.at(place) : nullptr;
}

} // namespace

std::string text_at(const json& object, const char* pointer)
{
    const auto* const found = find_at(object, pointer);
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string{};
}

long long number_at(const json& object, const char* pointer, long long otherwise)
{
    const auto* const found = find_at(object, pointer);
    return found != nullptr && found->is_number_integer() ? found->get<long long>() : otherwise;
}

bool flag_at(const json& object, const char* pointer, bool otherwise)
{
    const auto* const found = find_at(object, pointer);
    return found != nullptr && found->is_boolean() ? found->get<bool>() : otherwise;
}

json list_at(const json& object, const char* pointer)
{
    const auto* const found = find_at(object, pointer);
    return found != nullptr && found->is_array() ? *found : json::array();
}

} // namespace nova::app
