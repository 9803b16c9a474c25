#include "model/oci_parts.h"

namespace nova::model::oci {

using base::done;

// Not in an unnamed namespace: the templates of oci_field.h find these by their argument.
static Status read(const Field& field, DeviceRule& rule)
{
    TRY(read_object(field, need("allow", rule.allow), may("type", rule.type), may("major", rule.major), may("minor", rule.minor),
                    may("access", rule.access)));
    if (rule.type.empty())
        rule.type = "a";
    if (rule.type != "a" && rule.type != "c" && rule.type != "b")
        return field.wrong_member("type", "a, b or c");
    for (auto* const number : {&rule.major, &rule.minor})
        if (*number && **number < 0)
            number->reset(); // -1 says "all", as in the cgroup's own files.
    if (rule.access.find_first_not_of("rwm") != std::string::npos)
        return field.wrong_member("access", "made of r, w and m");
    return done();
}

static Status read(const Field& field, MemoryLimits& memory)
{
    return read_object(field, may("limit", memory.limit), may("reservation", memory.reservation), may("swap", memory.swap),
                       may("kernel", memory.kernel), may("kernelTCP", memory.kernel_tcp), may("swappiness", memory.swappiness),
                       may("disableOOMKiller", memory.disable_oom_killer), may("checkBeforeUpdate", memory.check_before_update));
}

static Status read(const Field& field, CpuLimits& cpu)
{
    return read_object(field, may("shares", cpu.shares), may("quota", cpu.quota), may("burst", cpu.burst),
                       may("period", cpu.period), may("realtimeRuntime", cpu.realtime_runtime),
                       may("realtimePeriod", cpu.realtime_period), may("cpus", cpu.cpus), may("mems", cpu.mems),
                       may("idle", cpu.idle));
}

static Status read(const Field& field, BlockDeviceLimit& limit)
{
    return read_object(field, need("major", limit.major), need("minor", limit.minor), may("rate", limit.rate),
                       may("weight", limit.weight), may("leafWeight", limit.leaf_weight));
}

static Status read(const Field& field, BlockLimits& block)
{
    return read_object(field, may("weight", block.weight), may("leafWeight", block.leaf_weight),
                       may("weightDevice", block.weight_device), may("throttleReadBpsDevice", block.read_bps),
                       may("throttleWriteBpsDevice", block.write_bps), may("throttleReadIOPSDevice", block.read_iops),
                       may("throttleWriteIOPSDevice", block.write_iops));
}

static Status read(const Field& field, HugepageLimit& limit)
{
    TRY(read_object(field, need("pageSize", limit.page_size), need("limit", limit.limit)));
    if (limit.page_size.empty() || limit.page_size.find('/') != std::string::npos)
        return field.wrong_member("pageSize", "a size like 2MB");
    return done();
}

static Status read(const Field& field, NetworkPriority& priority)
{
    return read_object(field, need("name", priority.name), need("priority", priority.priority));
}

static Status read(const Field& field, RdmaLimit& limit)
{
    return read_object(field, may("hcaHandles", limit.handles), may("hcaObjects", limit.objects));
}

/// A key becomes a file name below the cgroup: it must not leave it.
static Status check_unified(const Field& field, const Resources& resources)
{
    for (const auto& [key, value] : resources.unified)
        if (key.find('/') != std::string::npos || key.find('.') == std::string::npos || key.front() == '.')
            return field.wrong_member("unified", "keyed by files of a cgroup, not \"" + key + "\"");
    return done();
}

Status read(const Field& field, Resources& resources)
{
    TRY(read_object(field, may("devices", resources.devices), may("memory", resources.memory), may("cpu", resources.cpu),
                    inside("pids", may("limit", resources.pids_limit)), may("blockIO", resources.block_io),
                    may("hugepageLimits", resources.hugepage_limits),
                    inside("network", may("classID", resources.network_class), may("priorities", resources.network_priorities)),
                    may("rdma", resources.rdma), may("unified", resources.unified)));
    return check_unified(field, resources);
}

} // namespace nova::model::oci
