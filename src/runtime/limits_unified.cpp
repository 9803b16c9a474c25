// What a container may use, on cgroup version 2.
#include <algorithm>

#include "base/strings.h"
#include "runtime/limits.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

std::string limit_or_max(std::int64_t limit) { return limit < 0 ? "max" : std::to_string(limit); }

/// memory.swap counts memory and swap together; version 2 limits swap alone.
Result<std::string> swap_limit(const sys::Cgroup& cgroup, const oci::MemoryLimits& memory)
{
    if (*memory.swap < 0)
        return std::string{"max"};
    if (*memory.swap == 0)
        return std::string{"0"};
    auto limit = memory.limit;
    if (!limit) { // An update of swap alone: against the limit that is there.
        auto const now = TRY(cgroup.read("memory", "memory.max"));
        auto const bytes = base::parse_integer(base::trim(now), 0, INT64_MAX);
        limit = bytes.ok() ? bytes.value() : -1;
    }
    if (*limit < 0)
        return Error{Code::invalid_argument, "memory.swap: needs memory.limit, since it counts both together"};
    if (*memory.swap < *limit)
        return Error{Code::invalid_argument, "memory.swap: must be at least memory.limit (" + std::to_string(*limit) + "), is " +
                                                 std::to_string(*memory.swap)};
    return std::to_string(*memory.swap - *limit);
}

Status write_swap(LimitWriter& writer, const oci::MemoryLimits& memory)
{
    bool const all_unlimited = memory.limit && *memory.limit < 0 && !memory.swap;
    if (!memory.swap && !all_unlimited)
        return done();
    auto const text = all_unlimited ? "max" : TRY(swap_limit(writer.cgroup(), memory));
    bool const has_swap = writer.cgroup().has_file("memory", "memory.swap.max");
    if (!has_swap && (text == "max" || text == "0"))
        return done(); // The kernel was built without swap: nothing is limited, and nothing can be used.
    return writer.write("memory", "memory.swap.max", text);
}

Status write_memory(LimitWriter& writer, const oci::MemoryLimits& memory)
{
    TRY(write_swap(writer, memory));
    if (memory.limit)
        TRY(writer.write("memory", "memory.max", limit_or_max(*memory.limit)));
    if (memory.reservation)
        TRY(writer.write("memory", "memory.low", limit_or_max(*memory.reservation)));
    return done();
}

Result<std::string> current_quota(const sys::Cgroup& cgroup)
{
    auto const now = TRY(cgroup.read("cpu", "cpu.max"));
    return now.substr(0, now.find(' '));
}

Status write_weight(LimitWriter& writer, const oci::CpuLimits& cpu)
{
    if (cpu.shares) {
        if (writer.cgroup().has_file("cpu", "cpu.idle")) // An idle group takes no weight.
            TRY(writer.write("cpu", "cpu.idle", "0"));
        TRY(writer.write("cpu", "cpu.weight", std::to_string(weight_of_shares(*cpu.shares))));
    }
    return write_if(writer, "cpu", "cpu.idle", cpu.idle);
}

Status write_cpu(LimitWriter& writer, const oci::CpuLimits& cpu)
{
    TRY(write_weight(writer, cpu));
    if (cpu.realtime_runtime || cpu.realtime_period)
        return Error{Code::unimplemented, "cpu.realtimeRuntime: cgroup version 2 has no such limit"};
    if (cpu.burst) // A burst may not be above the quota: take it away before the quota may sink.
        TRY(writer.write("cpu", "cpu.max.burst", "0"));
    if (cpu.quota || cpu.period) {
        auto limit = cpu.quota ? limit_or_max(*cpu.quota) : TRY(current_quota(writer.cgroup()));
        if (cpu.period)
            limit += " " + std::to_string(*cpu.period);
        TRY(writer.write("cpu", "cpu.max", limit)); // Without a period it stays what it is.
    }
    TRY(write_if(writer, "cpu", "cpu.max.burst", cpu.burst));
    return write_cpu_sets(writer, cpu);
}

Status write_throttle(LimitWriter& writer, const char* key, const std::vector<oci::BlockDeviceLimit>& limits)
{
    for (const auto& limit : limits)
        TRY(writer.write("io", "io.max",
                         device_number(limit) + key + "=" + (limit.rate == 0 ? "max" : std::to_string(limit.rate))));
    return done();
}

/// BFQ's weights are those of version 1 (to 1000); the kernel's own go to 10000.
std::string io_weight(std::uint16_t weight, bool bfq) { return std::to_string(bfq ? weight : 1 + (weight - 10) * 9999 / 990); }

Status write_block(LimitWriter& writer, const oci::BlockLimits& block)
{
    bool const bfq = writer.cgroup().has_file("io", "io.bfq.weight");
    auto const file = bfq ? "io.bfq.weight" : "io.weight";
    if (block.weight)
        TRY(writer.write("io", file, io_weight(*block.weight, bfq)));
    for (const auto& device : block.weight_device)
        if (device.weight)
            TRY(writer.write("io", file, device_number(device) + io_weight(*device.weight, bfq)));
    TRY(write_throttle(writer, "rbps", block.read_bps));
    TRY(write_throttle(writer, "wbps", block.write_bps));
    TRY(write_throttle(writer, "riops", block.read_iops));
    return write_throttle(writer, "wiops", block.write_iops);
}

/// The kernel takes one line at a time: one device of io.max, one kind of misc.max.
Status write_lines(LimitWriter& writer, const std::string& file, const std::string& text)
{
    auto const controller = file.substr(0, file.find('.'));
    for (const auto& line : base::split(base::trim(text), '\n'))
        TRY(writer.write(controller, file, line));
    return done();
}

} // namespace

Status write_unified_limits(LimitWriter& writer, const oci::Resources& resources)
{
    TRY(write_memory(writer, resources.memory));
    TRY(write_cpu(writer, resources.cpu));
    TRY(write_block(writer, resources.block_io));
    for (const auto& [file, text] : resources.unified)
        TRY(write_lines(writer, file, text).context("unified"));
    return done();
}

} // namespace nova::runtime
