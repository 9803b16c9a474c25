#include "model/object.h"

#include "base/strings.h"

namespace nova::model {
namespace {

constexpr std::string_view objects = "/objects/";
constexpr std::string_view no_space = "_"; // No DNS label, so no namespace can have this name.

} // namespace

std::string to_string(const Key& key) { return key.kind + " " + (key.space.empty() ? "" : key.space + "/") + key.name; }

std::string storage_key(const Key& key)
{
    return storage_prefix(key.kind, key.space.empty() ? std::string{no_space} : key.space) + key.name;
}

std::string storage_prefix(const std::string& kind, const std::string& space)
{
    return std::string{objects} + kind + "/" + (space.empty() ? "" : space + "/");
}

std::optional<Key> parse_storage_key(std::string_view key)
{
    if (!key.starts_with(objects))
        return std::nullopt;
    auto const parts = base::split(key.substr(objects.size()), '/');
    if (parts.size() != 3)
        return std::nullopt;
    return Key{parts[0], parts[1] == no_space ? "" : parts[1], parts[2]};
}

} // namespace nova::model
