// The part of `events` that tells of caches and memory bandwidth, in runc's shape.
#include <array>

#include "base/strings.h"
#include "model/json_writer.h"
#include "runtime/intel_rdt.h"

namespace nova::runtime {

namespace {

using Json = model::JsonWriter;

std::string line_in(const sys::Resctrl& resctrl, const std::string& path)
{
    auto const text = resctrl.read(path);
    return text.ok() ? base::trim(text.value()) : std::string{};
}

/// A number of a file; left out where it is not there, or "Unavailable".
void write_number(Json& json, const sys::Resctrl& resctrl, const std::string& directory, const std::string& name)
{
    auto const number = base::parse_integer(line_in(resctrl, directory + "/" + name), 0, INT64_MAX);
    if (number.ok())
        json.member(name, static_cast<std::int64_t>(number.value()));
}

std::vector<std::string> schemata_of(const sys::Resctrl& resctrl, const std::string& group)
{
    std::vector<std::string> lines;
    for (const auto& line : base::split(line_in(resctrl, group.empty() ? "schemata" : group + "/schemata"), '\n'))
        if (auto plain = base::trim(line); !plain.empty())
            lines.push_back(std::move(plain));
    return lines;
}

void write_schema(Json& json, const char* key, const std::vector<std::string>& lines, std::string_view resource)
{
    for (const auto& line : lines)
        if (line.starts_with(resource)) {
            json.member(key, line);
            return;
        }
}

void write_caches(Json& json, const sys::Resctrl& resctrl, const std::string& group)
{
    auto const root = schemata_of(resctrl, "");
    auto const own = schemata_of(resctrl, group);
    if (auto const mask = line_in(resctrl, "info/L3/cbm_mask"); !mask.empty()) {
        json.key("l3_cache_info").begin('{').member("cbm_mask", mask);
        for (const char* const name : {"min_cbm_bits", "num_closids"})
            write_number(json, resctrl, "info/L3", name);
        json.end('}');
        write_schema(json, "l3_cache_schema_root", root, "L3");
        write_schema(json, "l3_cache_schema", own, "L3");
    }
    if (!line_in(resctrl, "info/MB/num_closids").empty()) {
        json.key("mem_bw_info").begin('{');
        for (const char* const name : {"bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"})
            write_number(json, resctrl, "info/MB", name);
        json.end('}');
        write_schema(json, "mem_bw_schema_root", root, "MB");
        write_schema(json, "mem_bw_schema", own, "MB");
    }
    json.key("schemata").begin('[');
    for (const auto& line : own)
        json.value(line);
    json.end(']');
}

/// One entry for each cache that the kernel watches for this group.
void write_monitored(Json& json, const sys::Resctrl& resctrl, const std::string& group)
{
    auto const data = group.empty() ? std::string{"mon_data"} : group + "/mon_data";
    auto const caches = resctrl.list(data);
    if (!caches.ok())
        return;
    constexpr std::array kinds{std::pair{"mbm_stats", "mbm_total_bytes mbm_local_bytes"},
                               std::pair{"cmt_stats", "llc_occupancy"}};
    for (const auto& [key, names] : kinds) {
        json.key(key).begin('[');
        for (const auto& cache : caches.value()) {
            json.begin('{');
            for (const auto& name : base::split(names, ' '))
                write_number(json, resctrl, data + "/" + cache, name);
            json.end('}');
        }
        json.end(']');
    }
}

} // namespace

std::string rdt_stats_json(const Globals& globals, const Record& record)
{
    if (record.rdt.name.empty())
        return "{}";
    auto const groups = open_rdt_groups(globals, record);
    Json json;
    json.begin('{');
    if (groups.ok()) {
        const auto& [resctrl, group, monitor] = groups.value();
        write_caches(json, resctrl, group);
        write_monitored(json, resctrl, monitor.empty() ? group : monitor);
    }
    return json.end('}').text();
}

} // namespace nova::runtime
