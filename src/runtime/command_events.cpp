// events: what a container uses, in the shape that containerd reads from runc.
#include <poll.h>

#include <array>

#include "base/strings.h"
#include "model/json_writer.h"
#include "runtime/arguments.h"
#include "runtime/commands.h"
#include "runtime/state.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::Error;
using Kind = Option::Kind;

namespace {

constexpr std::array events_options{Option{"stats", 0, Kind::flag}, Option{"interval"}};

/// One number of a file of the cgroup; absent and "max" give nullopt.
std::optional<std::uint64_t> number_in(const sys::Cgroup& cgroup, const char* controller, const char* file)
{
    auto const text = cgroup.read(controller, file);
    if (!text.ok())
        return std::nullopt;
    auto const number = base::parse_integer(base::trim(text.value()), 0, INT64_MAX);
    return number.ok() ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(number.value())) : std::nullopt;
}

/// "key value" per line.
std::map<std::string, std::uint64_t> pairs_in(const sys::Cgroup& cgroup, const char* controller, const char* file)
{
    std::map<std::string, std::uint64_t> pairs;
    auto const text = cgroup.read(controller, file);
    for (const auto& line : base::split(text.ok() ? text.value() : "", '\n')) {
        auto const space = line.find(' ');
        auto const number =
            space == std::string::npos ? Result<long long>{0} : base::parse_integer(line.substr(space + 1), 0, INT64_MAX);
        if (space != std::string::npos && number.ok())
            pairs[line.substr(0, space)] = static_cast<std::uint64_t>(number.value());
    }
    return pairs;
}

void write_cpu(model::JsonWriter& json, const sys::Cgroup& cgroup)
{
    bool const unified = cgroup.layout() == sys::CgroupLayout::unified;
    auto stat = pairs_in(cgroup, "cpu", "cpu.stat");
    auto const total = unified ? stat["usage_usec"] * 1000 : number_in(cgroup, "cpuacct", "cpuacct.usage").value_or(0);
    auto const user = unified ? stat["user_usec"] * 1000 : number_in(cgroup, "cpuacct", "cpuacct.usage_user").value_or(0);
    auto const kernel = unified ? stat["system_usec"] * 1000 : number_in(cgroup, "cpuacct", "cpuacct.usage_sys").value_or(0);
    json.key("cpu").begin('{').key("usage").begin('{').member("total", total).member("kernel", kernel).member("user", user);
    json.end('}').key("throttling").begin('{').member("periods", stat["nr_periods"]);
    json.member("throttledPeriods", stat["nr_throttled"]);
    json.member("throttledTime", unified ? stat["throttled_usec"] * 1000 : stat["throttled_time"]).end('}').end('}');
}

void write_memory(model::JsonWriter& json, const sys::Cgroup& cgroup)
{
    bool const unified = cgroup.layout() == sys::CgroupLayout::unified;
    auto const usage = number_in(cgroup, "memory", unified ? "memory.current" : "memory.usage_in_bytes");
    auto const limit = number_in(cgroup, "memory", unified ? "memory.max" : "memory.limit_in_bytes");
    auto const most = number_in(cgroup, "memory", unified ? "memory.peak" : "memory.max_usage_in_bytes");
    auto const failures =
        unified ? pairs_in(cgroup, "memory", "memory.events")["max"] : number_in(cgroup, "memory", "memory.failcnt").value_or(0);
    json.key("memory").begin('{').key("usage").begin('{').member("usage", usage.value_or(0));
    json.member("limit", limit.value_or(UINT64_MAX)).member("max", most.value_or(0));
    json.member("failcnt", failures).end('}').key("raw").begin('{');
    for (const auto& [key, value] : pairs_in(cgroup, "memory", "memory.stat"))
        json.member(key, value);
    json.end('}').end('}');
}

std::string stats_json(const std::string& id, const sys::Cgroup& cgroup)
{
    model::JsonWriter json;
    json.begin('{').member("type", "stats").member("id", id).key("data").begin('{');
    write_cpu(json, cgroup);
    write_memory(json, cgroup);
    json.key("pids").begin('{').member("current", number_in(cgroup, "pids", "pids.current").value_or(0));
    json.member("limit", number_in(cgroup, "pids", "pids.max").value_or(0)).end('}');
    return json.end('}').end('}').text() + "\n";
}

} // namespace

Result<int> events_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, events_options, OptionOrder::anywhere));
    auto const id = TRY(arguments.only("the container's id"));
    auto interval = arguments.get("interval", "5s");
    if (interval.ends_with('s'))
        interval.pop_back();
    auto const seconds = TRY(base::parse_integer(interval, 1, 86400).context("--interval"));
    auto const directory = TRY(StateDirectory::open(globals.root, id));
    auto const record = TRY(directory.read());
    if (observe(directory, record) == Phase::stopped)
        return Error{Code::failed_precondition, "container \"" + id + "\" is stopped"};
    auto const cgroup = sys::Cgroup::at(record.cgroup, record.controllers);
    auto const process = TRY(open_process(record));
    while (true) {
        TRY(sys::write_all(1, stats_json(id, cgroup)));
        struct pollfd ended {
            process.get(), POLLIN, 0
        };
        if (arguments.has("stats") || ::poll(&ended, 1, static_cast<int>(seconds) * 1000) != 0)
            return 0;
    }
}

} // namespace nova::runtime
