#include "runtime/update_request.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "model/json_writer.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t most_text = 1u << 20;

enum class Value { bytes, number, text };

/// One option, and the field of linux.resources that it sets. Those of one group stand together.
struct Setting {
    std::string_view option;
    std::string_view group;
    std::string_view field;
    Value value;
};
constexpr std::array settings{
    Setting{"memory", "memory", "limit", Value::bytes},
    Setting{"memory-reservation", "memory", "reservation", Value::bytes},
    Setting{"memory-swap", "memory", "swap", Value::bytes},
    Setting{"kernel-memory-tcp", "memory", "kernelTCP", Value::bytes},
    Setting{"cpu-period", "cpu", "period", Value::number},
    Setting{"cpu-quota", "cpu", "quota", Value::number},
    Setting{"cpu-burst", "cpu", "burst", Value::number},
    Setting{"cpu-share", "cpu", "shares", Value::number},
    Setting{"cpu-shares", "cpu", "shares", Value::number},
    Setting{"cpu-rt-period", "cpu", "realtimePeriod", Value::number},
    Setting{"cpu-rt-runtime", "cpu", "realtimeRuntime", Value::number},
    Setting{"cpu-idle", "cpu", "idle", Value::number},
    Setting{"cpuset-cpus", "cpu", "cpus", Value::text},
    Setting{"cpuset-mems", "cpu", "mems", Value::text},
    Setting{"pids-limit", "pids", "limit", Value::number},
    Setting{"blkio-weight", "blockIO", "weight", Value::number},
};

Status write_setting(model::JsonWriter& json, const Setting& setting, const std::string& text)
{
    json.key(setting.field);
    if (setting.value == Value::text)
        json.value(text);
    else if (setting.value == Value::bytes)
        json.value(TRY(parse_memory_size(text)));
    else
        json.value(static_cast<std::int64_t>(TRY(base::parse_integer(text, INT64_MIN, INT64_MAX))));
    return base::done();
}

Result<std::string> resources_from_options(const Arguments& arguments)
{
    model::JsonWriter json;
    json.begin('{');
    std::string_view group;
    for (const auto& setting : settings) {
        auto const text = arguments.find(setting.option);
        if (!text)
            continue;
        if (setting.group != group) {
            if (!group.empty())
                json.end('}');
            json.key(setting.group).begin('{');
            group = setting.group;
        }
        TRY(write_setting(json, setting, *text).context("--" + std::string{setting.option}));
    }
    if (!group.empty())
        json.end('}');
    return json.end('}').text();
}

} // namespace

std::span<const Option> update_options()
{
    static constexpr std::array all{
        Option{"resources", 'r', Option::Kind::text, "FILE",
               "linux.resources as JSON (-: standard input); the others do not count then"},
        Option{"memory", 0, Option::Kind::text, "BYTES", "64Mi, 1G; -1: none"},
        Option{"memory-reservation", 0, Option::Kind::text, "BYTES", "soft limit"},
        Option{"memory-swap", 0, Option::Kind::text, "BYTES", "memory and swap"},
        Option{"kernel-memory", 0, Option::Kind::text, "BYTES", "not known to kernels of today"},
        Option{"kernel-memory-tcp", 0, Option::Kind::text, "BYTES", "buffers of TCP"},
        Option{"cpu-period", 0, Option::Kind::text, "USEC", "of quotas"},
        Option{"cpu-quota", 0, Option::Kind::text, "USEC", "in each period"},
        Option{"cpu-burst", 0, Option::Kind::text, "USEC", "more than the quota, when it was saved before"},
        Option{"cpu-share", 0, Option::Kind::text, "N", "weight: 2 to 262144"},
        Option{"cpu-shares", 0, Option::Kind::text, "N", "the same"},
        Option{"cpu-rt-period", 0, Option::Kind::text, "USEC", "real-time scheduling: of its quota"},
        Option{"cpu-rt-runtime", 0, Option::Kind::text, "USEC", "real-time scheduling: in each period"},
        Option{"cpu-idle", 0, Option::Kind::text, "0|1", "only when nobody else wants to run"},
        Option{"cpuset-cpus", 0, Option::Kind::text, "LIST", "processors: 0-3,5"},
        Option{"cpuset-mems", 0, Option::Kind::text, "LIST", "memory nodes"},
        Option{"pids-limit", 0, Option::Kind::text, "N", "processes; -1: any number"},
        Option{"blkio-weight", 0, Option::Kind::text, "N", "10 to 1000"},
        Option{"l3-cache-schema", 0, Option::Kind::text, "SCHEMA", "intelRdt: L3:0=f"},
        Option{"mem-bw-schema", 0, Option::Kind::text, "SCHEMA", "intelRdt: MB:0=50"},
    };
    return all;
}

Result<UpdateRequest> read_update_request(const Arguments& arguments)
{
    UpdateRequest request;
    if (auto const file = arguments.find("resources")) {
        request.resources =
            TRY((*file == "-" ? sys::read_all(0, most_text) : sys::read_file(*file, most_text)).context("--resources"));
        return request;
    }
    request.resources = TRY(resources_from_options(arguments));
    request.l3_cache_schema = arguments.get("l3-cache-schema");
    request.mem_bw_schema = arguments.get("mem-bw-schema");
    return request;
}

Result<std::int64_t> parse_memory_size(const std::string& text)
{
    constexpr std::string_view units = "kmgtp";
    if (text == "-1")
        return std::int64_t{-1};
    auto const end = std::min(text.find_first_not_of("0123456789"), text.size());
    std::string const digits{text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end)};
    auto unit = text.substr(end);
    std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char letter) { return std::tolower(letter); });
    auto const power = unit.empty() || unit == "b" ? 0 : units.find(unit.front()) + 1;
    bool const known =
        unit.empty() || unit == "b" ||
        (power != 0 && (unit.size() == 1 || unit.substr(1) == "b" || unit.substr(1) == "i" || unit.substr(1) == "ib"));
    auto const number = base::parse_integer(digits, 0, INT64_MAX);
    if (!number.ok() || !known)
        return Error{Code::invalid_argument,
                     "must be a number of bytes, like 67108864 or 64M, is \"" + text.substr(0, 80) + "\""};
    std::int64_t bytes = number.value();
    for (std::size_t i = 0; i < power; ++i)
        if (__builtin_mul_overflow(bytes, std::int64_t{1024}, &bytes))
            return Error{Code::invalid_argument, "is too large: " + text.substr(0, 80)};
    return bytes;
}

} // namespace nova::runtime
