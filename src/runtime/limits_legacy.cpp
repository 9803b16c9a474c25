// What a container may use, on cgroup version 1.
#include "base/strings.h"
#include "runtime/cgroup_values.h"
#include "runtime/limits.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

/// memory and memory+swap bound each other: which one must be set first depends on whether they grow.
Status write_memory(LimitWriter& writer, const oci::MemoryLimits& memory)
{
    constexpr auto limit_file = "memory.limit_in_bytes";
    constexpr auto swap_file = "memory.memsw.limit_in_bytes";
    const auto& cgroup = writer.cgroup();
    auto swap = memory.swap;
    if (swap == 0 || (swap && !cgroup.has_file("memory", swap_file)))
        swap.reset(); // No limit of swap alone, or the kernel does not account for swap: there is nothing to limit.
    if (memory.limit && *memory.limit == -1 && !swap && cgroup.has_file("memory", swap_file))
        swap = -1;
    auto const old = [&] { return base::parse_integer(text_in(cgroup, "memory", limit_file), 0, INT64_MAX).value_or(0); };
    bool const grows = memory.limit && (*memory.limit == -1 || *memory.limit > old());
    if (grows)
        TRY(write_if(writer, "memory", swap_file, swap));
    TRY(write_if(writer, "memory", limit_file, memory.limit));
    if (!grows)
        TRY(write_if(writer, "memory", swap_file, swap));
    TRY(write_if(writer, "memory", "memory.soft_limit_in_bytes", memory.reservation));
    TRY(write_if(writer, "memory", "memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp));
    TRY(write_if(writer, "memory", "memory.swappiness", memory.swappiness));
    if (memory.disable_oom_killer)
        TRY(writer.write("memory", "memory.oom_control", "1"));
    return done();
}

/// So much of each period, both in microseconds.
struct Share {
    const char* period_file;
    std::optional<std::uint64_t> period;
    const char* time_file;
    std::optional<std::int64_t> time;
};

/// The kernel weighs one against the other at each write: with the other value still old a right pair may look too much.
Status write_share(LimitWriter& writer, const Share& share)
{
    auto const period = write_if(writer, "cpu", share.period_file, share.period);
    if (!period.ok() && (period.error().errnum() != EINVAL || !share.time))
        return period;
    TRY(write_if(writer, "cpu", share.time_file, share.time));
    return period.ok() ? done() : write_if(writer, "cpu", share.period_file, share.period);
}

Status write_cpu(LimitWriter& writer, const oci::CpuLimits& cpu)
{
    const auto& cgroup = writer.cgroup();
    if (cpu.shares && cgroup.has_file("cpu", "cpu.idle")) // An idle group takes no shares.
        TRY(writer.write("cpu", "cpu.idle", "0"));
    TRY(write_if(writer, "cpu", "cpu.shares", cpu.shares));
    TRY(write_if(writer, "cpu", "cpu.idle", cpu.idle));
    // A burst may not be above the quota: take it away before the quota may sink.
    if (cpu.burst && cgroup.has_file("cpu", "cpu.cfs_burst_us"))
        TRY(writer.write("cpu", "cpu.cfs_burst_us", "0"));
    TRY(write_share(writer, {"cpu.cfs_period_us", cpu.period, "cpu.cfs_quota_us", cpu.quota}));
    TRY(write_if(writer, "cpu", "cpu.cfs_burst_us", cpu.burst));
    TRY(write_share(writer, {"cpu.rt_period_us", cpu.realtime_period, "cpu.rt_runtime_us", cpu.realtime_runtime}));
    return write_cpu_sets(writer, cpu);
}

Status write_throttle(LimitWriter& writer, const char* file, const std::vector<oci::BlockDeviceLimit>& limits)
{
    for (const auto& limit : limits)
        TRY(writer.write("blkio", file, device_number(limit) + std::to_string(limit.rate)));
    return done();
}

Status write_weights(LimitWriter& writer, const oci::BlockLimits& block)
{
    bool const bfq = writer.cgroup().has_file("blkio", "blkio.bfq.weight");
    TRY(write_if(writer, "blkio", bfq ? "blkio.bfq.weight" : "blkio.weight", block.weight));
    TRY(write_if(writer, "blkio", "blkio.leaf_weight", block.leaf_weight));
    for (const auto& device : block.weight_device) {
        if (device.weight)
            TRY(writer.write("blkio", bfq ? "blkio.bfq.weight_device" : "blkio.weight_device",
                             device_number(device) + std::to_string(*device.weight)));
        if (device.leaf_weight)
            TRY(writer.write("blkio", "blkio.leaf_weight_device", device_number(device) + std::to_string(*device.leaf_weight)));
    }
    return done();
}

Status write_block(LimitWriter& writer, const oci::BlockLimits& block)
{
    TRY(write_weights(writer, block));
    TRY(write_throttle(writer, "blkio.throttle.read_bps_device", block.read_bps));
    TRY(write_throttle(writer, "blkio.throttle.write_bps_device", block.write_bps));
    TRY(write_throttle(writer, "blkio.throttle.read_iops_device", block.read_iops));
    return write_throttle(writer, "blkio.throttle.write_iops_device", block.write_iops);
}

} // namespace

Status write_legacy_limits(LimitWriter& writer, const oci::Resources& resources)
{
    if (!resources.unified.empty())
        return Error{Code::unimplemented, "unified: needs cgroup version 2"};
    TRY(write_memory(writer, resources.memory));
    TRY(write_cpu(writer, resources.cpu));
    TRY(write_block(writer, resources.block_io));
    TRY(write_if(writer, "net_cls", "net_cls.classid", resources.network_class));
    for (const auto& priority : resources.network_priorities)
        TRY(writer.write("net_prio", "net_prio.ifpriomap", priority.name + " " + std::to_string(priority.priority)));
    return done();
}

} // namespace nova::runtime
