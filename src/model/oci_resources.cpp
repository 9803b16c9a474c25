#include "model/oci_parts.h"

namespace nova::model::oci {

using base::done;
using Kind = JsonValue::Kind;

// Not in an unnamed namespace: the templates of oci_field.h find these by their argument.
static Status read(const Field& field, DeviceRule& rule)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "allow", rule.allow));
    TRY(member(field, "type", rule.type));
    if (rule.type.empty())
        rule.type = "a";
    if (rule.type != "a" && rule.type != "c" && rule.type != "b")
        return field.find("type")->wrong("a, b or c");
    TRY(member(field, "major", rule.major));
    TRY(member(field, "minor", rule.minor));
    for (auto* const number : {&rule.major, &rule.minor})
        if (*number && **number < 0)
            number->reset(); // -1 says "all", as in the cgroup's own files.
    TRY(member(field, "access", rule.access));
    if (rule.access.find_first_not_of("rwm") != std::string::npos)
        return field.find("access")->wrong("made of r, w and m");
    return done();
}

static Status read(const Field& field, MemoryLimits& memory)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "limit", memory.limit));
    TRY(member(field, "reservation", memory.reservation));
    TRY(member(field, "swap", memory.swap));
    TRY(member(field, "kernel", memory.kernel));
    TRY(member(field, "kernelTCP", memory.kernel_tcp));
    TRY(member(field, "swappiness", memory.swappiness));
    TRY(member(field, "disableOOMKiller", memory.disable_oom_killer));
    return member(field, "checkBeforeUpdate", memory.check_before_update);
}

static Status read(const Field& field, CpuLimits& cpu)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "shares", cpu.shares));
    TRY(member(field, "quota", cpu.quota));
    TRY(member(field, "burst", cpu.burst));
    TRY(member(field, "period", cpu.period));
    TRY(member(field, "realtimeRuntime", cpu.realtime_runtime));
    TRY(member(field, "realtimePeriod", cpu.realtime_period));
    TRY(member(field, "cpus", cpu.cpus));
    TRY(member(field, "mems", cpu.mems));
    return member(field, "idle", cpu.idle);
}

static Status read(const Field& field, BlockDeviceLimit& limit)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "major", limit.major));
    TRY(required(field, "minor", limit.minor));
    TRY(member(field, "rate", limit.rate));
    TRY(member(field, "weight", limit.weight));
    return member(field, "leafWeight", limit.leaf_weight);
}

static Status read(const Field& field, BlockLimits& block)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "weight", block.weight));
    TRY(member(field, "leafWeight", block.leaf_weight));
    TRY(member(field, "weightDevice", block.weight_device));
    TRY(member(field, "throttleReadBpsDevice", block.read_bps));
    TRY(member(field, "throttleWriteBpsDevice", block.write_bps));
    TRY(member(field, "throttleReadIOPSDevice", block.read_iops));
    return member(field, "throttleWriteIOPSDevice", block.write_iops);
}

static Status read(const Field& field, HugepageLimit& limit)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "pageSize", limit.page_size));
    if (limit.page_size.empty() || limit.page_size.find('/') != std::string::npos)
        return field.find("pageSize")->wrong("a size like 2MB");
    return required(field, "limit", limit.limit);
}

static Status read(const Field& field, NetworkPriority& priority)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "name", priority.name));
    return required(field, "priority", priority.priority);
}

static Status read(const Field& field, RdmaLimit& limit)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "hcaHandles", limit.handles));
    return member(field, "hcaObjects", limit.objects);
}

static Status read_network(const Field& field, Resources& resources)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "classID", resources.network_class));
    return member(field, "priorities", resources.network_priorities);
}

static Status read_pids(const Field& field, Resources& resources)
{
    TRY(expect(field, Kind::object));
    return member(field, "limit", resources.pids_limit);
}

/// A key becomes a file name below the cgroup: it must not leave it.
static Status check_unified(const Field& field, const Resources& resources)
{
    for (const auto& [key, value] : resources.unified)
        if (key.find('/') != std::string::npos || key.find('.') == std::string::npos || key.front() == '.')
            return field.find("unified")->wrong("keyed by files of a cgroup, not \"" + key + "\"");
    return done();
}

Status read(const Field& field, Resources& resources)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "devices", resources.devices));
    TRY(member(field, "memory", resources.memory));
    TRY(member(field, "cpu", resources.cpu));
    if (auto const pids = field.find("pids"))
        TRY(read_pids(*pids, resources));
    TRY(member(field, "blockIO", resources.block_io));
    TRY(member(field, "hugepageLimits", resources.hugepage_limits));
    if (auto const network = field.find("network"))
        TRY(read_network(*network, resources));
    TRY(member(field, "rdma", resources.rdma));
    TRY(member(field, "unified", resources.unified));
    return check_unified(field, resources);
}

} // namespace nova::model::oci
