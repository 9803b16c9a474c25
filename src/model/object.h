#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nova::model {

/// Names one object. `space` is its namespace, empty for kinds that have none.
struct Key {
    std::string kind;  ///< "VirtualMachine"
    std::string space; ///< "default"
    std::string name;  ///< an RFC 1123 subdomain
    auto operator<=>(const Key&) const = default;
};

/// "VirtualMachine default/probe"
std::string to_string(const Key& key);

/// Where the store keeps an object: "/objects/VirtualMachine/default/probe"; "_" stands for no namespace.
std::string storage_key(const Key& key);

/// The prefix of all objects of a kind, or of those in one namespace: "/objects/Pod/", "/objects/Pod/default/".
std::string storage_prefix(const std::string& kind, const std::string& space = "");

/// The inverse of storage_key; empty for what is no object's key.
std::optional<Key> parse_storage_key(std::string_view key);

/// What every object carries beside its spec and status. In JSON: "metadata", in the field names of Kubernetes.
struct Meta {
    std::string name;
    std::string space;                  ///< JSON: namespace
    std::string uid;                    ///< Random, given at creation; never reused.
    std::uint64_t revision = 0;         ///< JSON: resourceVersion, a string. Set by the store on reading, never stored.
    std::int64_t generation = 0;        ///< Grows whenever spec changes.
    std::string created;                ///< RFC 3339. JSON: creationTimestamp
    std::optional<std::string> deleted; ///< RFC 3339. JSON: deletionTimestamp. The mark; finalizers do the rest.
    std::vector<std::string> finalizers;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
};

/// One statement about an object, in words.
struct Condition {
    std::string type;    ///< "Ready"
    std::string status;  ///< "True", "False", "Unknown"
    std::string reason;  ///< One CamelCase word.
    std::string message; ///< A sentence for a person.
    std::string changed; ///< RFC 3339. JSON: lastTransitionTime
    bool operator==(const Condition&) const = default;
};

/// Labels that Nova itself sets.
constexpr auto project_label = "nanocloud.io/project"; ///< The NovaFile's project.

} // namespace nova::model
