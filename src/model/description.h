#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/object.h"
#include "model/problems.h"
#include "model/registry.h"

/// The one description of a typed struct, from which its reading, defaults, validation, printing, table columns and
/// documentation come. A kind describes itself in its own file (pod.cpp, network.cpp) and nowhere else:
///
///     const Description& describe(const NetworkSpec*)
///     {
///         static auto const description = describe_as<NetworkSpec>({
///             field("type", &NetworkSpec::type, "What carries the network.").one_of({"bridge", "overlay"}),
///             field("stp", &NetworkSpec::stp, "Spanning tree on the bridge."),
///         });
///         return description;
///     }
///
/// The default of a field is what the struct's own initialiser says. Values are reached through untyped pointers, so that
/// the work is compiled once and not for each kind.
namespace nova::model {

struct Description;

/// How the values of one C++ type are read from JSON and printed. One constant object for each type.
struct ValueType {
    std::string name; ///< "string", "size", "list of string", "object"
    /// Reads into a value. What is wrong is added to the problems, and the value is then left as it was, or partly read.
    std::function<void(void* value, const json& input, Problems&)> read;
    /// null where there is nothing to print.
    std::function<json(const void* value)> print;
    /// Of an object, or of the objects in a list.
    std::function<const Description*()> nested;
};

/// What a value must be beside having its type.
struct Rule {
    std::string doc;                                 ///< "one of bridge, overlay"
    std::function<std::string(const json&)> problem; ///< "" where it holds. Is asked for each element of a list.
    std::vector<std::string> choices;                ///< Where it is one of a few words.
};

/// One field of a struct, or a group: an object of JSON whose fields lie in the same struct.
struct Field {
    std::string name;
    std::string doc;
    const ValueType* type = nullptr; ///< null for a group, and for what is accepted and dropped.
    std::function<void*(void*)> at;  ///< From the struct to the value.
    std::vector<Field> group;
    std::string unit;
    std::vector<Rule> rules;
    std::optional<Column> shown; ///< The table's column; type and pointer are filled in later.
    bool is_required = false;
    bool is_always_printed = false;

    Field required() &&;
    Field always() &&; ///< Is printed even where it is empty and its default is empty too.
    Field in(std::string what) &&;
    Field one_of(std::vector<std::string> choices) &&;
    Field between(std::int64_t least, std::int64_t most) &&;
    Field at_least(base::Bytes least) &&;
    Field at_most(base::Bytes most) &&;
    Field must_be(Rule rule) &&;
    Field column(std::string title, int priority = 0, std::string type = "") &&;
};

/// One struct.
struct Description {
    std::vector<Field> fields;
    std::function<void(const void*, Problems&)> check; ///< Rules between fields. Runs only where all fields are right.
    std::function<void(void*)> fill;                   ///< Defaults that are derived from other fields. Runs before check.
    std::function<std::shared_ptr<void>()> make;       ///< A struct with its initial values.
};

/// One kind: what it is called, and the struct of the whole object.
struct KindDescription {
    KindInfo info;
    const Description* object = nullptr;
};

// ---- the types of values ----------------------------------------------------------------------------------------------

/// A short value that may be written as a string, a number or true and false, and is text: TOML's PORT = 8080.
struct Text {
    std::string text;
};

/// Words of a command: a list of strings, or one string that is split as a shell would (quotes, backslash; no expansion).
struct Words {
    std::vector<std::string> words;
};

const ValueType& value_type(const std::string*);
const ValueType& value_type(const bool*);
const ValueType& value_type(const std::int64_t*);
const ValueType& value_type(const std::uint64_t*);
const ValueType& value_type(const std::uint32_t*);
const ValueType& value_type(const std::uint16_t*);
const ValueType& value_type(const double*); ///< A quantity of Kubernetes: 2, "1.5", "500m".
const ValueType& value_type(const base::Bytes*);
const ValueType& value_type(const Text*);
const ValueType& value_type(const Words*);
const ValueType& value_type(const json*); ///< Anything, kept as it is.

template <typename T>
const ValueType& value_type(const std::vector<T>*);
template <typename T>
const ValueType& value_type(const std::map<std::string, T>*);
template <typename T>
const ValueType& value_type(const std::optional<T>*);

/// The type of a struct that has a describe(const T*).
ValueType object_type(const Description& (*description)());

template <typename T>
requires requires(const T* tag) { describe(tag); }
const ValueType& value_type(const T*)
{
    static auto const type = object_type([]() -> const Description& { return describe(static_cast<const T*>(nullptr)); });
    return type;
}

/// The untyped halves of lists, maps and optionals. `add` makes room for one element and returns where it is.
ValueType list_type(const ValueType& element, std::function<void(void*)> clear, std::function<void*(void*)> add,
                    std::function<std::size_t(const void*)> size, std::function<const void*(const void*, std::size_t)> get);
ValueType map_type(const ValueType& element, std::function<void(void*)> clear,
                   std::function<void*(void*, const std::string&)> add,
                   std::function<void(const void*, const std::function<void(const std::string&, const void*)>&)> each);
ValueType optional_type(const ValueType& element, std::function<void*(void*)> add, std::function<const void*(const void*)> get);

template <typename T>
const ValueType& value_type(const std::vector<T>*)
{
    using List = std::vector<T>;
    static auto const type = list_type(
        value_type(static_cast<const T*>(nullptr)), [](void* list) { static_cast<List*>(list)->clear(); },
        [](void* list) -> void* { return &static_cast<List*>(list)->emplace_back(); },
        [](const void* list) { return static_cast<const List*>(list)->size(); },
        [](const void* list, std::size_t i) -> const void* { return &(*static_cast<const List*>(list))[i]; });
    return type;
}

template <typename T>
const ValueType& value_type(const std::map<std::string, T>*)
{
    using Map = std::map<std::string, T>;
    static auto const type = map_type(
        value_type(static_cast<const T*>(nullptr)), [](void* map) { static_cast<Map*>(map)->clear(); },
        [](void* map, const std::string& key) -> void* { return &(*static_cast<Map*>(map))[key]; },
        [](const void* map, const std::function<void(const std::string&, const void*)>& visit) {
            for (const auto& [key, value] : *static_cast<const Map*>(map))
                visit(key, &value);
        });
    return type;
}

template <typename T>
const ValueType& value_type(const std::optional<T>*)
{
    using Optional = std::optional<T>;
    static auto const type = optional_type(
        value_type(static_cast<const T*>(nullptr)),
        [](void* value) -> void* { return &static_cast<Optional*>(value)->emplace(); },
        [](const void* value) -> const void* {
            const auto& optional = *static_cast<const Optional*>(value);
            return optional ? &*optional : nullptr;
        });
    return type;
}

// ---- building a description -------------------------------------------------------------------------------------------

Field make_field(std::string name, const ValueType& type, std::function<void*(void*)> at, std::string doc);

template <typename T, typename Value>
Field field(std::string name, Value T::*member, std::string doc)
{
    return make_field(
        std::move(name), value_type(static_cast<const Value*>(nullptr)),
        [member](void* owner) -> void* { return &(static_cast<T*>(owner)->*member); }, std::move(doc));
}

/// A field of a member of a member: field("kind", &Event::regarding, &Key::kind, "…").
template <typename T, typename Middle, typename Value>
Field field(std::string name, Middle T::*middle, Value Middle::*member, std::string doc)
{
    return make_field(
        std::move(name), value_type(static_cast<const Value*>(nullptr)),
        [middle, member](void* owner) -> void* { return &(static_cast<T*>(owner)->*middle.*member); }, std::move(doc));
}

/// An object of JSON whose fields lie in the same struct: resources.limits.
Field group(std::string name, std::string doc, std::vector<Field> fields);

/// A field whose form in JSON is unlike its form in the struct, which is read and printed as a whole.
Field special(std::string name, const ValueType& type, std::string doc);

/// What a client may send though it says nothing to us: it is dropped. With choices, only these are accepted.
Field accepted(std::string name, std::string doc, std::vector<std::string> choices = {});

template <typename T>
Description describe_as(std::vector<Field> fields, void (*check)(const T&, Problems&) = nullptr, void (*fill)(T&) = nullptr)
{
    Description description;
    description.fields = std::move(fields);
    if (check)
        description.check = [check](const void* owner, Problems& problems) { check(*static_cast<const T*>(owner), problems); };
    if (fill)
        description.fill = [fill](void* owner) { fill(*static_cast<T*>(owner)); };
    description.make = []() -> std::shared_ptr<void> { return std::make_shared<T>(); };
    return description;
}

// ---- using it ---------------------------------------------------------------------------------------------------------

/// Reads one struct: fields, derived defaults, rules between fields.
void read_object(const Description& description, void* owner, const json& input, Problems& problems);

/// Prints one struct. Fields that are empty, and empty by default, are left out.
json print_object(const Description& description, const void* owner);

/// Reads a whole object of a kind: apiVersion and kind may be absent and must be right.
/// Errors: invalid_argument with all causes.
base::Status read_kind(const KindDescription& kind, const json& input, void* object);
json print_kind(const KindDescription& kind, const void* object);

/// What explain() says of one struct: a list of {name, type, doc, unit, default, required, rules, fields}.
json explain_fields(const Description& description);

/// The columns that the fields of a kind ask for: NAME, what status says, what spec says, AGE, then the wide ones.
std::vector<Column> columns_of(const Description& description);

// ---- what all kinds share ---------------------------------------------------------------------------------------------

const Description& describe(const Meta*);
const Description& describe(const Condition*);

/// A rule for strings; nothing is asked of an empty one, which means "not set". The doc goes on after "must be".
Rule string_rule(std::string doc, std::function<bool(const std::string&)> holds);
Rule absolute_path();
Rule dns_label();
Rule dns_subdomain();
Rule link_name();
Rule no_kernel_link(); ///< For links that are made, or put onto a bridge.
Rule ipv4_address();
Rule rfc3339_time();
Rule cpu_share(); ///< For quantities.

} // namespace nova::model
