#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/object.h"

/// The kinds as the API, the command line and the store see them: by name, with JSON in and JSON out. Everything here is made
/// from the one description of each kind.
namespace nova::model {

using base::Result;
using nlohmann::json;

/// A column of a table.
struct Column {
    std::string name; ///< "STATUS"
    std::string type; ///< "string", "integer", "date"
    std::string doc;
    int priority = 0;    ///< 0: always shown; 1: with --output wide.
    std::string pointer; ///< JSON pointer into the object: "/status/phase".
};

struct KindInfo {
    std::string group;   ///< "" for core, "nanocloud.io"
    std::string version; ///< "v1"
    std::string kind;    ///< "VirtualMachine"
    std::string plural;  ///< "virtualmachines"
    std::string singular;
    std::vector<std::string> short_names; ///< {"vm"}
    bool namespaced = true;
    std::string doc;
    std::vector<Column> columns;

    std::string api_version() const { return group.empty() ? version : group + "/" + version; }
};

const std::vector<KindInfo>& kinds();
const KindInfo* find_kind(std::string_view kind); ///< "Pod"; null where there is none.
const KindInfo* find_resource(std::string_view group, std::string_view version, std::string_view plural);
const KindInfo*
find_kind_by_any_name(std::string_view name); ///< "vm", "vms", "virtualmachine", "Pod", "container": what a person types.

/// Checks an object that a client sent (metadata and spec; status too where it is there), fills the defaults, and returns its
/// canonical JSON. apiVersion and kind may be absent and must be right; a namespace that is absent becomes "default".
/// Errors: invalid_argument with one Cause for each thing wrong: unknown field, wrong type, missing, out of range, rule between
/// fields; the field is a path as "spec.containers[0].image".
Result<json> admit(const KindInfo& kind, const json& object);

/// The metadata of any object, without looking at the rest.
Result<Meta> read_meta(const json& object);
void write_meta(json& object, const Meta& meta);

Key key_of(const KindInfo& kind, const json& object);

/// YAML for people; parse_yaml reads the same value back.
std::string to_yaml(const json& object);

/// Several documents, with "---" between them. Empty ones are null.
Result<std::vector<json>> parse_yaml_documents(std::string_view text, const std::string& file = "");

/// One document. Errors: invalid_argument with line and column (also for a key that stands twice, nesting that is too deep,
/// aliases that make too much of a small text).
Result<json> parse_yaml(std::string_view text, const std::string& file = "");
Result<json> parse_json(std::string_view text, const std::string& file = "");

/// What `nova explain` and OpenAPI are made from: {name, type, doc, unit, default, rules, fields[]} of a kind.
json explain(const KindInfo& kind);

} // namespace nova::model
