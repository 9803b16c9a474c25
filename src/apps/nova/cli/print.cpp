#include "apps/nova/cli/print.h"

#include "apps/nova/cli/object_text.h"
#include "apps/nova/cli/table.h"

namespace nova::app {

using nlohmann::json;

namespace {

std::string cell(const model::Column& column, const json& object)
{
    json::json_pointer const place{column.pointer};
    if (!object.contains(place))
        return column.type == "date" ? "-" : "";
    auto const& value = object.at(place);
    if (column.type == "date" && value.is_string())
        return age(value.get<std::string>());
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

std::string short_kind(const model::KindInfo& kind)
{
    return kind.kind == "Pod" ? "container" : kind.short_names.empty() ? kind.singular : kind.short_names.front();
}

} // namespace

std::vector<std::string> header_of(const model::KindInfo& kind, Output output)
{
    std::vector<std::string> header;
    for (const auto& column : kind.columns)
        if (column.priority == 0 || output == Output::wide)
            header.push_back(column.name);
    return header;
}

std::vector<std::string> row_of(const model::KindInfo& kind, const json& object, Output output)
{
    std::vector<std::string> cells;
    for (const auto& column : kind.columns)
        if (column.priority == 0 || output == Output::wide)
            cells.push_back(cell(column, object));
    return cells;
}

std::string print_document(const json& document, Output output)
{
    return output == Output::yaml ? model::to_yaml(document) : document.dump(2) + "\n";
}

std::string print_object(const model::KindInfo& kind, const json& object, Output output)
{
    if (output == Output::json || output == Output::yaml)
        return print_document(object, output);
    return print_objects(kind, {object}, output);
}

std::string print_objects(const model::KindInfo& kind, const std::vector<json>& objects, Output output)
{
    if (output == Output::json || output == Output::yaml)
        return print_document({{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}}, output);
    if (output == Output::name) {
        std::string text;
        for (const auto& object : objects)
            text += short_kind(kind) + "/" + text_at(object, "/metadata/name") + "\n";
        return text;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& object : objects)
        rows.push_back(row_of(kind, object, output));
    return format_table(header_of(kind, output), rows);
}

} // namespace nova::app
