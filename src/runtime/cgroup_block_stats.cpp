#include "runtime/cgroup_block_stats.h"

#include <array>

#include "base/strings.h"
#include "runtime/cgroup_stats.h"
#include "runtime/cgroup_values.h"
#include "sys/file.h"

namespace nova::runtime {

namespace {

using Json = model::JsonWriter;

struct BlockEntry {
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    std::string operation;
    std::uint64_t value = 0;
};

bool read_device(const std::string& text, BlockEntry& entry)
{
    auto const colon = text.find(':');
    if (colon == std::string::npos)
        return false;
    auto const major = base::parse_integer(text.substr(0, colon), 0, INT32_MAX);
    auto const minor = base::parse_integer(text.substr(colon + 1), 0, INT32_MAX);
    entry.major = static_cast<std::uint64_t>(major.ok() ? major.value() : 0);
    entry.minor = static_cast<std::uint64_t>(minor.ok() ? minor.value() : 0);
    return major.ok() && minor.ok();
}

void write_entries(Json& json, std::string_view key, const std::vector<BlockEntry>& entries)
{
    json.key(key).begin('[');
    for (const auto& entry : entries) {
        json.begin('{').member("major", entry.major).member("minor", entry.minor);
        if (!entry.operation.empty())
            json.member("op", entry.operation);
        json.member("value", entry.value).end('}');
    }
    json.end(']');
}

/// "8:0 Read 4096"; files without kinds have "8:0 4096". The line "Total 4096" belongs to no device.
std::vector<BlockEntry> legacy_entries(const std::string& text)
{
    std::vector<BlockEntry> entries;
    for (const auto& line : base::split(text, '\n')) {
        auto const words = base::split(line, ' ');
        BlockEntry entry;
        if ((words.size() != 2 && words.size() != 3) || !read_device(words[0], entry))
            continue;
        entry.operation = words.size() == 3 ? words[1] : "";
        auto const value = base::parse_integer(words.back(), 0, INT64_MAX);
        entry.value = static_cast<std::uint64_t>(value.ok() ? value.value() : 0);
        entries.push_back(std::move(entry));
    }
    return entries;
}

/// The scheduler's own count where one counts, else that of the throttle.
std::vector<BlockEntry> first_that_counts(const sys::Cgroup& cgroup, const std::string& name)
{
    for (const char* const who : {"blkio.bfq.", "blkio.", "blkio.throttle."})
        if (auto entries = legacy_entries(text_in(cgroup, "blkio", who + name)); !entries.empty())
            return entries;
    return {};
}

void write_legacy_block(Json& json, const sys::Cgroup& cgroup)
{
    struct Part {
        const char* key;
        const char* file;
    };
    constexpr std::array parts{Part{"ioServiceBytesRecursive", "io_service_bytes_recursive"},
                               Part{"ioServicedRecursive", "io_serviced_recursive"},
                               Part{"ioQueueRecursive", "io_queued_recursive"},
                               Part{"ioServiceTimeRecursive", "io_service_time_recursive"},
                               Part{"ioWaitTimeRecursive", "io_wait_time_recursive"},
                               Part{"ioMergedRecursive", "io_merged_recursive"},
                               Part{"ioTimeRecursive", "time_recursive"},
                               Part{"sectorsRecursive", "sectors_recursive"}};
    for (const auto& part : parts)
        if (auto const entries = first_that_counts(cgroup, part.file); !entries.empty())
            write_entries(json, part.key, entries);
}

/// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"
void write_unified_block(Json& json, const sys::Cgroup& cgroup)
{
    struct Kind {
        std::string_view name;
        const char* operation;
        bool bytes;
    };
    constexpr std::array kinds{Kind{"rbytes", "Read", true}, Kind{"wbytes", "Write", true}, Kind{"dbytes", "Discard", true},
                               Kind{"rios", "Read", false},  Kind{"wios", "Write", false},  Kind{"dios", "Discard", false}};
    std::vector<BlockEntry> bytes;
    std::vector<BlockEntry> requests;
    for (const auto& line : base::split(text_in(cgroup, "io", "io.stat"), '\n')) {
        auto const words = base::split(line, ' ');
        BlockEntry entry;
        if (!read_device(words.front(), entry))
            continue;
        for (const auto& word : words)
            for (const auto& kind : kinds) {
                auto const equals = word.find('=');
                if (equals == std::string::npos || word.substr(0, equals) != kind.name)
                    continue;
                auto const value = base::parse_integer(word.substr(equals + 1), 0, INT64_MAX);
                entry.operation = kind.operation;
                entry.value = static_cast<std::uint64_t>(value.ok() ? value.value() : 0);
                (kind.bytes ? bytes : requests).push_back(entry);
            }
    }
    if (!bytes.empty())
        write_entries(json, "ioServiceBytesRecursive", bytes);
    if (!requests.empty())
        write_entries(json, "ioServicedRecursive", requests);
    if (auto const pressure = pressure_json(cgroup, "io"); !pressure.empty())
        json.key("psi").raw(pressure);
}

} // namespace

void write_block_stats(Json& json, const sys::Cgroup& cgroup)
{
    json.key("blkio").begin('{');
    if (cgroup.layout() == sys::CgroupLayout::unified)
        write_unified_block(json, cgroup);
    else
        write_legacy_block(json, cgroup);
    json.end('}');
}

void write_hugepage_stats(Json& json, const sys::Cgroup& cgroup)
{
    bool const unified = cgroup.is_unified("hugetlb");
    std::string const usage_end = unified ? ".current" : ".usage_in_bytes";
    auto const number = [&](const std::string& file) {
        auto const value = base::parse_integer(text_in(cgroup, "hugetlb", file), 0, INT64_MAX);
        return static_cast<std::uint64_t>(value.ok() ? value.value() : 0);
    };
    json.key("hugetlb").begin('{');
    auto const place = cgroup.directory("hugetlb");
    auto const files = place.empty() ? std::vector<std::string>{} : sys::list_directory(place).value_or({});
    for (const auto& file : files) {
        if (!file.starts_with("hugetlb.") || !file.ends_with(usage_end) || file.find(".rsvd.") != std::string::npos)
            continue;
        auto const name = file.substr(0, file.size() - usage_end.size());
        json.key(name.substr(name.find('.') + 1)).begin('{').member("usage", number(file));
        json.member("max", unified ? 0 : number(name + ".max_usage_in_bytes"));
        auto const events = text_in(cgroup, "hugetlb", name + ".events"); // "max 3"
        auto const failures = base::parse_integer(events.substr(events.rfind(' ') + 1), 0, INT64_MAX);
        json.member("failcnt",
                    unified ? static_cast<std::uint64_t>(failures.ok() ? failures.value() : 0) : number(name + ".failcnt"));
        json.end('}');
    }
    json.end('}');
}

} // namespace nova::runtime
