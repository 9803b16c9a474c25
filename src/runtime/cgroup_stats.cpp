#include "runtime/cgroup_stats.h"

#include <array>

#include "base/strings.h"
#include "model/json_writer.h"
#include "runtime/cgroup_block_stats.h"
#include "runtime/cgroup_values.h"

namespace nova::runtime {

namespace {

using Json = model::JsonWriter;

void write_pressure(Json& json, const sys::Cgroup& cgroup, const char* resource)
{
    if (auto const pressure = pressure_json(cgroup, resource); !pressure.empty())
        json.key("psi").raw(pressure);
}

void write_numbers(Json& json, std::string_view key, const std::string& line)
{
    if (line.empty())
        return;
    json.key(key).begin('[');
    for (const auto& word : base::split(line, ' '))
        if (auto const number = base::parse_integer(word, 0, INT64_MAX); number.ok())
            json.value(static_cast<std::uint64_t>(number.value()));
    json.end(']');
}

/// Version 1: "cpu user system", a line for each processor.
void write_per_processor(Json& json, const sys::Cgroup& cgroup)
{
    write_numbers(json, "percpu", text_in(cgroup, "cpuacct", "cpuacct.usage_percpu"));
    std::string user;
    std::string kernel;
    for (const auto& line : base::split(text_in(cgroup, "cpuacct", "cpuacct.usage_all"), '\n'))
        if (auto const words = base::split(line, ' '); words.size() == 3 && words[0] != "cpu") {
            user += words[1] + " ";
            kernel += words[2] + " ";
        }
    write_numbers(json, "percpu_kernel", kernel);
    write_numbers(json, "percpu_user", user);
}

void write_cpu(Json& json, const sys::Cgroup& cgroup)
{
    bool const unified = cgroup.layout() == sys::CgroupLayout::unified;
    auto stat = pairs_in(cgroup, "cpu", "cpu.stat");
    auto const used = [&](const char* of_two, const char* of_one) {
        return unified ? stat[of_two] * 1000 : number_in(cgroup, "cpuacct", of_one).value_or(0);
    };
    json.key("cpu").begin('{').key("usage").begin('{').member("total", used("usage_usec", "cpuacct.usage"));
    if (!unified)
        write_per_processor(json, cgroup);
    json.member("kernel", used("system_usec", "cpuacct.usage_sys")).member("user", used("user_usec", "cpuacct.usage_user"));
    json.end('}').key("throttling").begin('{').member("periods", stat["nr_periods"]);
    json.member("throttledPeriods", stat["nr_throttled"]);
    json.member("throttledTime", unified ? stat["throttled_usec"] * 1000 : stat["throttled_time"]).end('}');
    write_pressure(json, cgroup, "cpu");
    json.end('}');
}

/// "0-2,5" as numbers.
void write_set(Json& json, std::string_view key, const std::string& text)
{
    constexpr int most = 8192; // Of processors and nodes.
    if (text.empty())
        return;
    json.key(key).begin('[');
    for (const auto& part : base::split(text, ',')) {
        auto const dash = part.find('-');
        auto const first = base::parse_integer(part.substr(0, dash), 0, most);
        auto const last = dash == std::string::npos ? first : base::parse_integer(part.substr(dash + 1), 0, most);
        if (first.ok() && last.ok())
            for (auto number = first.value(); number <= last.value(); ++number)
                json.value(static_cast<std::int64_t>(number));
    }
    json.end(']');
}

void write_cpuset(Json& json, const sys::Cgroup& cgroup)
{
    constexpr std::array flags{"cpu_exclusive",      "mem_hardwall",       "mem_exclusive",   "memory_migrate",
                               "memory_spread_page", "memory_spread_slab", "memory_pressure", "sched_load_balance"};
    json.key("cpuset").begin('{');
    write_set(json, "cpus", text_in(cgroup, "cpuset", "cpuset.cpus"));
    write_set(json, "mems", text_in(cgroup, "cpuset", "cpuset.mems"));
    for (const std::string flag : flags)
        json.member(flag, number_in(cgroup, "cpuset", "cpuset." + flag).value_or(0));
    auto const level = base::parse_integer(text_in(cgroup, "cpuset", "cpuset.sched_relax_domain_level"), -1, 64);
    json.member("sched_relax_domain_level", static_cast<std::int64_t>(level.ok() ? level.value() : 0)).end('}');
}

struct MemoryEntry {
    std::uint64_t limit = 0;
    std::uint64_t usage = 0;
    std::uint64_t max = 0;
    std::uint64_t failures = 0;
};

void write_entry(Json& json, std::string_view key, const MemoryEntry& entry)
{
    json.key(key).begin('{').member("limit", entry.limit).member("usage", entry.usage);
    json.member("max", entry.max).member("failcnt", entry.failures).end('}');
}

/// `part`: "", "memsw.", "kmem.", "kmem.tcp."
MemoryEntry legacy_entry(const sys::Cgroup& cgroup, const std::string& part)
{
    auto const number = [&](const char* file) { return number_in(cgroup, "memory", "memory." + part + file).value_or(0); };
    return {number("limit_in_bytes"), number("usage_in_bytes"), number("max_usage_in_bytes"), number("failcnt")};
}

void write_legacy_memory(Json& json, const sys::Cgroup& cgroup)
{
    json.member("cache", pairs_in(cgroup, "memory", "memory.stat")["cache"]);
    write_entry(json, "usage", legacy_entry(cgroup, ""));
    write_entry(json, "swap", legacy_entry(cgroup, "memsw."));
    write_entry(json, "kernel", legacy_entry(cgroup, "kmem."));
    write_entry(json, "kernelTCP", legacy_entry(cgroup, "kmem.tcp."));
}

/// Readers know the meaning of version 1: "swap" is memory and swap together.
void write_unified_memory(Json& json, const sys::Cgroup& cgroup)
{
    auto const number = [&](const char* file) { return number_in(cgroup, "memory", file).value_or(0); };
    MemoryEntry const memory{number("memory.max"), number("memory.current"), number("memory.peak"),
                             pairs_in(cgroup, "memory", "memory.events")["max"]};
    MemoryEntry both{number("memory.swap.max"), memory.usage + number("memory.swap.current"), 0,
                     pairs_in(cgroup, "memory", "memory.swap.events")["max"]};
    if (both.limit != UINT64_MAX)
        both.limit = memory.limit == UINT64_MAX ? UINT64_MAX : both.limit + memory.limit;
    json.member("cache", pairs_in(cgroup, "memory", "memory.stat")["file"]);
    write_entry(json, "usage", memory);
    write_entry(json, "swap", both);
    write_entry(json, "kernel", {});
    write_entry(json, "kernelTCP", {});
}

void write_memory(Json& json, const sys::Cgroup& cgroup)
{
    json.key("memory").begin('{');
    if (cgroup.layout() == sys::CgroupLayout::unified)
        write_unified_memory(json, cgroup);
    else
        write_legacy_memory(json, cgroup);
    json.key("raw").begin('{');
    for (const auto& [key, value] : pairs_in(cgroup, "memory", "memory.stat"))
        json.member(key, value);
    json.end('}');
    write_pressure(json, cgroup, "memory");
    json.end('}');
}

void write_pids(Json& json, const sys::Cgroup& cgroup)
{
    auto const limit = number_in(cgroup, "pids", "pids.max").value_or(0);
    json.key("pids").begin('{').member("current", number_in(cgroup, "pids", "pids.current").value_or(0));
    json.member("limit", limit == UINT64_MAX ? 0 : limit).end('}'); // 0: none.
}

} // namespace

std::string pressure_json(const sys::Cgroup& cgroup, const std::string& resource)
{
    if (cgroup.layout() != sys::CgroupLayout::unified)
        return {};
    Json json;
    json.begin('{');
    bool any = false;
    for (const auto& line : base::split(text_in(cgroup, "", resource + ".pressure"), '\n')) {
        auto const words = base::split(line, ' '); // some avg10=0.12 avg60=0.00 avg300=0.00 total=345
        if (words.size() < 2)
            continue;
        any = true;
        json.key(words[0]).begin('{');
        for (auto word = words.begin() + 1; word != words.end(); ++word)
            if (auto const equals = word->find('='); equals != std::string::npos)
                json.key(word->substr(0, equals)).raw(word->substr(equals + 1));
        json.end('}');
    }
    return any ? json.end('}').text() : std::string{};
}

std::string stats_event(const std::string& id, const sys::Cgroup& cgroup, const std::string& rdt)
{
    Json json;
    json.begin('{').member("type", "stats").member("id", id).key("data").begin('{');
    write_cpu(json, cgroup);
    write_cpuset(json, cgroup);
    write_memory(json, cgroup);
    write_pids(json, cgroup);
    write_block_stats(json, cgroup);
    write_hugepage_stats(json, cgroup);
    json.key("intel_rdt").raw(rdt).key("network_interfaces").raw("null");
    return json.end('}').end('}').text() + "\n";
}

} // namespace nova::runtime
