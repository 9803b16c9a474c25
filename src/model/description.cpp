#include "model/description.h"

#include "base/strings.h"
#include "model/cidr.h"

namespace nova::model {
namespace {

/// Says nothing: what a field without a value of its own prints too.
bool is_empty(const json& value)
{
    switch (value.type()) {
    case json::value_t::null: return true;
    case json::value_t::boolean: return !value.get<bool>();
    case json::value_t::number_integer:
    case json::value_t::number_unsigned: return value.get<std::int64_t>() == 0;
    case json::value_t::string: return value.get_ref<const std::string&>().empty();
    case json::value_t::array:
    case json::value_t::object: return value.empty();
    default: return false;
    }
}

void check_rules(const Field& field, const json& printed, Problems& problems)
{
    if (printed.is_array()) {
        for (std::size_t i = 0; i < printed.size(); ++i) {
            auto const step = problems.inside(i);
            check_rules(field, printed[i], problems);
        }
        return;
    }
    for (const auto& rule : field.rules)
        if (auto problem = rule.problem(printed); !problem.empty())
            problems.add(std::move(problem));
}

void read_fields(const std::vector<Field>& fields, void* owner, const json& input, Problems& problems);

void read_accepted(const Field& field, const json& input, Problems& problems)
{
    if (!field.rules.empty())
        check_rules(field, input, problems);
}

void read_field(const Field& field, void* owner, const json& input, Problems& problems)
{
    auto const step = problems.inside(field.name);
    if (!field.group.empty())
        return read_fields(field.group, owner, input, problems);
    if (field.type == nullptr)
        return read_accepted(field, input, problems);
    auto const before = problems.count();
    field.type->read(field.at(owner), input, problems);
    if (problems.count() == before && !field.rules.empty())
        check_rules(field, field.type->print(field.at(owner)), problems);
    if (problems.count() == before && field.is_required && (input.is_string() || input.is_array()) && is_empty(input))
        problems.add("must not be empty");
}

std::vector<std::string> names_of(const std::vector<Field>& fields)
{
    std::vector<std::string> names;
    for (const auto& field : fields)
        names.push_back(field.name);
    return names;
}

void find_unknown(const std::vector<Field>& fields, const json& input, Problems& problems)
{
    auto const known = names_of(fields);
    for (const auto& [key, value] : input.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end())
            continue;
        auto const step = problems.inside_key(key.substr(0, 80));
        problems.add("unknown field" + did_you_mean(key, known));
    }
}

void read_fields(const std::vector<Field>& fields, void* owner, const json& input, Problems& problems)
{
    if (!input.is_object())
        return problems.add("must be an object");
    find_unknown(fields, input, problems);
    for (const auto& field : fields) {
        auto const found = input.find(field.name);
        if (found != input.end() && !found->is_null()) // null is how many clients write "not set".
            read_field(field, owner, *found, problems);
        else if (field.is_required)
            problems.add_at(field.name, "is required");
    }
}

/// Whether an empty value may be left out, since reading its absence gives the same. An optional 0 is not the same as none.
bool is_empty_by_default(const Field& field, const void* initial)
{
    auto const text = field.type->print(field.at(const_cast<void*>(initial)));
    return !text.is_null() && is_empty(text);
}

json print_fields(const std::vector<Field>& fields, const void* owner, const void* initial)
{
    auto printed = json::object();
    auto* const value = const_cast<void*>(owner); // The way to a field is one function for reading and printing.
    for (const auto& field : fields) {
        if (!field.group.empty()) {
            if (auto members = print_fields(field.group, owner, initial); !members.empty())
                printed[field.name] = std::move(members);
        } else if (field.type != nullptr) {
            auto text = field.type->print(field.at(value));
            if (field.is_always_printed || (!text.is_null() && (!is_empty(text) || !is_empty_by_default(field, initial))))
                printed[field.name] = std::move(text);
        }
    }
    return printed;
}

json explain_list(const std::vector<Field>& fields, const void* initial)
{
    auto explained = json::array();
    for (const auto& field : fields) {
        if (field.type == nullptr && field.group.empty())
            continue;
        json entry{{"name", field.name}, {"type", field.group.empty() ? field.type->name : "object"}, {"doc", field.doc}};
        if (!field.unit.empty())
            entry["unit"] = field.unit;
        if (field.is_required)
            entry["required"] = true;
        for (const auto& rule : field.rules)
            entry["rules"].push_back(rule.doc);
        if (!field.group.empty()) {
            entry["fields"] = explain_list(field.group, initial);
        } else if (field.type->nested) {
            entry["fields"] = explain_fields(*field.type->nested());
        } else if (auto value = field.type->print(field.at(const_cast<void*>(initial))); !is_empty(value)) {
            entry["default"] = std::move(value);
        }
        explained.push_back(std::move(entry));
    }
    return explained;
}

std::string column_type(const std::string& type) { return type == "integer" || type == "boolean" ? type : "string"; }

void collect_columns(const std::vector<Field>& fields, const std::string& pointer, std::vector<Column>& columns)
{
    for (const auto& field : fields) {
        auto const here = pointer + "/" + field.name;
        if (field.shown) {
            auto column = *field.shown;
            column.pointer = here;
            column.doc = field.doc;
            if (column.type.empty())
                column.type = column_type(field.type->name);
            columns.push_back(std::move(column));
        }
        auto const in_list = field.type != nullptr && field.type->name.starts_with("list");
        if (!field.group.empty())
            collect_columns(field.group, here, columns);
        else if (field.type != nullptr && field.type->nested)
            collect_columns(field.type->nested()->fields, here + (in_list ? "/0" : ""), columns);
    }
}

void settle_namespace(const KindInfo& kind, json& object, Problems& problems)
{
    auto const meta = object.find("metadata");
    if (meta == object.end() || !meta->is_object())
        return;
    auto const space = meta->find("namespace");
    auto const is_set = space != meta->end() && !space->is_null() && *space != "";
    if (kind.namespaced && !is_set)
        (*meta)["namespace"] = "default";
    if (!kind.namespaced && is_set)
        problems.add_at("metadata.namespace", "must be absent: a " + kind.kind + " is in no namespace");
}

} // namespace

void read_object(const Description& description, void* owner, const json& input, Problems& problems)
{
    auto const before = problems.count();
    read_fields(description.fields, owner, input, problems);
    if (problems.count() != before)
        return;
    if (description.fill)
        description.fill(owner);
    if (description.check)
        description.check(owner, problems);
}

json print_object(const Description& description, const void* owner)
{
    return print_fields(description.fields, owner, description.make().get());
}

const std::string& name_of(const KindDescription& kind) { return kind.info.kind; }

base::Status read_kind(const KindDescription& kind, const json& input, void* object)
{
    Problems problems;
    if (!input.is_object()) {
        problems.add("must be an object");
        return base::Error::invalid(problems.take());
    }
    auto rest = input;
    settle_namespace(kind.info, rest, problems);
    auto const expect = [&](const char* field, const std::string& wanted) {
        auto const found = rest.find(field);
        if (found == rest.end())
            return;
        if (*found != wanted)
            problems.add_at(field, "must be \"" + wanted + "\"");
        rest.erase(found);
    };
    expect("apiVersion", kind.info.api_version());
    expect("kind", kind.info.kind);
    read_object(*kind.object, object, rest, problems);
    if (problems.count() > 0)
        return base::Error::invalid(problems.take());
    return base::done();
}

json print_kind(const KindDescription& kind, const void* object)
{
    auto printed = print_object(*kind.object, object);
    printed["apiVersion"] = kind.info.api_version();
    printed["kind"] = kind.info.kind;
    return printed;
}

json explain_fields(const Description& description) { return explain_list(description.fields, description.make().get()); }

std::vector<Column> columns_of(const Description& description)
{
    std::vector<Column> found;
    collect_columns(description.fields, "", found);
    auto const rank = [](const Column& column) {
        if (column.priority > 0)
            return 4;
        return column.pointer == "/metadata/name" ? 0 : column.pointer.starts_with("/status") ? 1 : column.type == "date" ? 3 : 2;
    };
    std::stable_sort(found.begin(), found.end(), [&](const Column& a, const Column& b) { return rank(a) < rank(b); });
    return found;
}

} // namespace nova::model
