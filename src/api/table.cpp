#include "api/table.h"

#include <ctime>

#include "base/clock.h"
#include "base/strings.h"

namespace nova::api {
namespace {

using std::chrono::seconds;

std::optional<base::SystemTime> parse_time(const std::string& text)
{
    std::tm parts{};
    if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr)
        return std::nullopt;
    return base::SystemTime{seconds{::timegm(&parts)}};
}

json cell(const model::Column& column, const json& object)
{
    json::json_pointer const at{column.pointer};
    if (!object.contains(at) || object.at(at).is_null())
        return column.type == "integer" ? json(nullptr) : json(column.type == "date" ? "<unknown>" : "");
    const auto& value = object.at(at);
    if (column.type == "date") {
        auto const time = value.is_string() ? parse_time(value.get<std::string>()) : std::nullopt;
        if (!time)
            return "<unknown>";
        return human_age(std::chrono::duration_cast<seconds>(base::system_clock().now() - *time));
    }
    if (column.type == "string" && !value.is_string())
        return value.dump();
    return value;
}

json row_object(const json& object, RowObject rows)
{
    if (rows == RowObject::whole)
        return object;
    return {{"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/v1"}, {"metadata", object["metadata"]}};
}

} // namespace

std::optional<TableFormat> table_wanted(const Request& request)
{
    for (const auto& one : base::split(request.header("accept"), ',')) {
        if (one.find("as=Table") == std::string::npos)
            continue;
        auto const include = request.parameter("includeObject");
        return TableFormat{include == "None" ? RowObject::none : include == "Object" ? RowObject::whole : RowObject::metadata};
    }
    return std::nullopt;
}

json make_table(const model::KindInfo& kind, const std::vector<json>& objects, const json& list_meta, const TableFormat& format)
{
    json columns = json::array();
    for (const auto& column : kind.columns)
        columns.push_back({{"name", column.name},
                           {"type", column.type == "date" ? "string" : column.type}, // The server has made it an age.
                           {"format", column.pointer == "/metadata/name" ? "name" : ""},
                           {"description", column.doc},
                           {"priority", column.priority}});
    json rows = json::array();
    for (const auto& object : objects) {
        json row{{"cells", json::array()}};
        for (const auto& column : kind.columns)
            row["cells"].push_back(cell(column, object));
        if (format.rows != RowObject::none)
            row["object"] = row_object(object, format.rows);
        rows.push_back(std::move(row));
    }
    return {{"kind", "Table"},
            {"apiVersion", "meta.k8s.io/v1"},
            {"metadata", list_meta},
            {"columnDefinitions", columns},
            {"rows", rows}};
}

std::string human_age(seconds age)
{
    auto const total = std::max<long long>(age.count(), 0);
    auto const pair = [](long long big, char big_unit, long long small, char small_unit) {
        return std::to_string(big) + big_unit + (small > 0 ? std::to_string(small) + small_unit : "");
    };
    if (total < 120)
        return std::to_string(total) + "s";
    if (total < 600)
        return pair(total / 60, 'm', total % 60, 's');
    if (total < 3 * 3600)
        return std::to_string(total / 60) + "m";
    if (total < 8 * 3600)
        return pair(total / 3600, 'h', total % 3600 / 60, 'm');
    if (total < 48 * 3600)
        return std::to_string(total / 3600) + "h";
    if (total < 8 * 86400)
        return pair(total / 86400, 'd', total % 86400 / 3600, 'h');
    return std::to_string(total / 86400) + "d";
}

} // namespace nova::api
