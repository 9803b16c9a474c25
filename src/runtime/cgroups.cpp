#include "runtime/cgroups.h"

#include <algorithm>

#include "base/strings.h"
#include "runtime/device_filter.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

std::string limit_or_max(std::int64_t limit) { return limit < 0 ? "max" : std::to_string(limit); }

template <typename Number>
Status write_if(const sys::Cgroup& cgroup, std::string_view controller, const char* file, const std::optional<Number>& value)
{
    if (!value)
        return done();
    return cgroup.write(controller, file, std::to_string(*value));
}

// ---- version 1 -----------------------------------------------------------------------------------------------------------

/// memory and memory+swap bound each other: which one must be set first depends on whether they grow.
Status apply_memory_legacy(const sys::Cgroup& cgroup, const oci::MemoryLimits& memory)
{
    constexpr auto limit_file = "memory.limit_in_bytes";
    constexpr auto swap_file = "memory.memsw.limit_in_bytes";
    auto swap = memory.swap;
    if (swap && !cgroup.has_file("memory", swap_file))
        swap.reset(); // The kernel does not account for swap: there is nothing to limit.
    if (memory.limit && *memory.limit == -1 && !swap && cgroup.has_file("memory", swap_file))
        swap = -1;
    auto const before = cgroup.read("memory", limit_file);
    auto const old = before.ok() ? base::parse_integer(base::trim(before.value()), 0, INT64_MAX).value_or(0) : 0;
    bool const grows = memory.limit && (*memory.limit == -1 || *memory.limit > old);
    if (grows)
        TRY(write_if(cgroup, "memory", swap_file, swap));
    TRY(write_if(cgroup, "memory", limit_file, memory.limit));
    if (!grows)
        TRY(write_if(cgroup, "memory", swap_file, swap));
    TRY(write_if(cgroup, "memory", "memory.soft_limit_in_bytes", memory.reservation));
    TRY(write_if(cgroup, "memory", "memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp));
    TRY(write_if(cgroup, "memory", "memory.swappiness", memory.swappiness));
    if (memory.disable_oom_killer)
        TRY(cgroup.write("memory", "memory.oom_control", "1"));
    return done();
}

Status apply_cpu_legacy(const sys::Cgroup& cgroup, const oci::CpuLimits& cpu)
{
    TRY(write_if(cgroup, "cpu", "cpu.shares", cpu.shares));
    TRY(write_if(cgroup, "cpu", "cpu.idle", cpu.idle));
    // A burst may not be above the quota: take it away before the quota may sink.
    if (cpu.burst && cgroup.has_file("cpu", "cpu.cfs_burst_us"))
        TRY(cgroup.write("cpu", "cpu.cfs_burst_us", "0"));
    TRY(write_if(cgroup, "cpu", "cpu.cfs_period_us", cpu.period));
    TRY(write_if(cgroup, "cpu", "cpu.cfs_quota_us", cpu.quota));
    TRY(write_if(cgroup, "cpu", "cpu.cfs_burst_us", cpu.burst));
    TRY(write_if(cgroup, "cpu", "cpu.rt_period_us", cpu.realtime_period));
    TRY(write_if(cgroup, "cpu", "cpu.rt_runtime_us", cpu.realtime_runtime));
    if (!cpu.cpus.empty())
        TRY(cgroup.write("cpuset", "cpuset.cpus", cpu.cpus));
    if (!cpu.mems.empty())
        TRY(cgroup.write("cpuset", "cpuset.mems", cpu.mems));
    return done();
}

std::string device_number(const oci::BlockDeviceLimit& limit)
{
    return std::to_string(limit.major) + ":" + std::to_string(limit.minor) + " ";
}

Status apply_throttle_legacy(const sys::Cgroup& cgroup, const char* file, const std::vector<oci::BlockDeviceLimit>& limits)
{
    for (const auto& limit : limits)
        TRY(cgroup.write("blkio", file, device_number(limit) + std::to_string(limit.rate)));
    return done();
}

Status apply_block_legacy(const sys::Cgroup& cgroup, const oci::BlockLimits& block)
{
    bool const bfq = cgroup.has_file("blkio", "blkio.bfq.weight");
    TRY(write_if(cgroup, "blkio", bfq ? "blkio.bfq.weight" : "blkio.weight", block.weight));
    TRY(write_if(cgroup, "blkio", "blkio.leaf_weight", block.leaf_weight));
    for (const auto& device : block.weight_device)
        if (device.weight)
            TRY(cgroup.write("blkio", bfq ? "blkio.bfq.weight_device" : "blkio.weight_device",
                             device_number(device) + std::to_string(*device.weight)));
    TRY(apply_throttle_legacy(cgroup, "blkio.throttle.read_bps_device", block.read_bps));
    TRY(apply_throttle_legacy(cgroup, "blkio.throttle.write_bps_device", block.write_bps));
    TRY(apply_throttle_legacy(cgroup, "blkio.throttle.read_iops_device", block.read_iops));
    return apply_throttle_legacy(cgroup, "blkio.throttle.write_iops_device", block.write_iops);
}

Status apply_legacy(const sys::Cgroup& cgroup, const oci::Resources& resources)
{
    TRY(apply_memory_legacy(cgroup, resources.memory));
    TRY(apply_cpu_legacy(cgroup, resources.cpu));
    TRY(apply_block_legacy(cgroup, resources.block_io));
    for (const auto& huge : resources.hugepage_limits)
        TRY(cgroup.write("hugetlb", "hugetlb." + huge.page_size + ".limit_in_bytes", std::to_string(huge.limit)));
    TRY(write_if(cgroup, "net_cls", "net_cls.classid", resources.network_class));
    for (const auto& priority : resources.network_priorities)
        TRY(cgroup.write("net_prio", "net_prio.ifpriomap", priority.name + " " + std::to_string(priority.priority)));
    if (!resources.unified.empty())
        return Error{Code::unimplemented, "linux.resources.unified: needs cgroup version 2"};
    return done();
}

// ---- version 2 -----------------------------------------------------------------------------------------------------------

Status apply_memory_unified(const sys::Cgroup& cgroup, const oci::MemoryLimits& memory)
{
    if (memory.swap && *memory.swap >= 0) {
        if (!memory.limit || *memory.limit < 0 || *memory.swap < *memory.limit)
            return Error{Code::invalid_argument, "linux.resources.memory.swap: must be at least memory.limit, which must be set"};
        TRY(cgroup.write("memory", "memory.swap.max", std::to_string(*memory.swap - *memory.limit)));
    } else if (memory.swap || (memory.limit && *memory.limit < 0)) {
        TRY(cgroup.write("memory", "memory.swap.max", "max"));
    }
    if (memory.limit)
        TRY(cgroup.write("memory", "memory.max", limit_or_max(*memory.limit)));
    if (memory.reservation)
        TRY(cgroup.write("memory", "memory.low", limit_or_max(*memory.reservation)));
    return done();
}

/// The kernel's own mapping of shares (2 to 262144) to a weight (1 to 10000).
std::uint64_t weight_of_shares(std::uint64_t shares)
{
    auto const bounded = std::clamp<std::uint64_t>(shares, 2, 262144);
    return 1 + ((bounded - 2) * 9999) / 262142;
}

Result<std::string> current_quota(const sys::Cgroup& cgroup)
{
    auto const now = TRY(cgroup.read("cpu", "cpu.max"));
    return now.substr(0, now.find(' '));
}

Status apply_cpu_unified(const sys::Cgroup& cgroup, const oci::CpuLimits& cpu)
{
    TRY(write_if(cgroup, "cpu", "cpu.idle", cpu.idle));
    if (cpu.shares && *cpu.shares != 0)
        TRY(cgroup.write("cpu", "cpu.weight", std::to_string(weight_of_shares(*cpu.shares))));
    if (cpu.burst)
        TRY(cgroup.write("cpu", "cpu.max.burst", "0"));
    if (cpu.quota || cpu.period) {
        auto limit = cpu.quota ? (*cpu.quota > 0 ? std::to_string(*cpu.quota) : "max") : TRY(current_quota(cgroup));
        if (cpu.period)
            limit += " " + std::to_string(*cpu.period);
        TRY(cgroup.write("cpu", "cpu.max", limit)); // Without a period it stays what it is.
    }
    TRY(write_if(cgroup, "cpu", "cpu.max.burst", cpu.burst));
    if (cpu.realtime_runtime || cpu.realtime_period)
        return Error{Code::unimplemented, "linux.resources.cpu.realtimeRuntime: cgroup version 2 has no such limit"};
    if (!cpu.cpus.empty())
        TRY(cgroup.write("cpuset", "cpuset.cpus", cpu.cpus));
    if (!cpu.mems.empty())
        TRY(cgroup.write("cpuset", "cpuset.mems", cpu.mems));
    return done();
}

Status apply_throttle_unified(const sys::Cgroup& cgroup, const char* key, const std::vector<oci::BlockDeviceLimit>& limits)
{
    for (const auto& limit : limits)
        TRY(cgroup.write("io", "io.max",
                         device_number(limit) + key + "=" + (limit.rate == 0 ? "max" : std::to_string(limit.rate))));
    return done();
}

Status apply_block_unified(const sys::Cgroup& cgroup, const oci::BlockLimits& block)
{
    if (block.weight) {
        if (cgroup.has_file("io", "io.bfq.weight"))
            TRY(cgroup.write("io", "io.bfq.weight", std::to_string(*block.weight)));
        else
            TRY(cgroup.write("io", "io.weight", std::to_string(1 + (*block.weight - 10) * 9999 / 990)));
    }
    for (const auto& device : block.weight_device)
        if (device.weight)
            TRY(cgroup.write("io", "io.bfq.weight", device_number(device) + std::to_string(*device.weight)));
    TRY(apply_throttle_unified(cgroup, "rbps", block.read_bps));
    TRY(apply_throttle_unified(cgroup, "wbps", block.write_bps));
    TRY(apply_throttle_unified(cgroup, "riops", block.read_iops));
    return apply_throttle_unified(cgroup, "wiops", block.write_iops);
}

Status apply_unified(const sys::Cgroup& cgroup, const oci::Resources& resources)
{
    TRY(apply_memory_unified(cgroup, resources.memory));
    TRY(apply_cpu_unified(cgroup, resources.cpu));
    TRY(apply_block_unified(cgroup, resources.block_io));
    for (const auto& huge : resources.hugepage_limits)
        TRY(cgroup.write("hugetlb", "hugetlb." + huge.page_size + ".max", std::to_string(huge.limit)));
    for (const auto& [file, text] : resources.unified)
        TRY(cgroup.write(file.substr(0, file.find('.')), file, text).context("linux.resources.unified"));
    return done();
}

Status apply_rdma(const sys::Cgroup& cgroup, const oci::Resources& resources)
{
    for (const auto& [device, limit] : resources.rdma)
        TRY(cgroup.write("rdma", "rdma.max",
                         device + " hca_handle=" + (limit.handles ? std::to_string(*limit.handles) : "max") +
                             " hca_object=" + (limit.objects ? std::to_string(*limit.objects) : "max")));
    return done();
}

/// Each needs its controller in the container's cgroup.
void add_rare_controllers(const oci::Resources& resources, std::vector<std::string>& names)
{
    const auto& block = resources.block_io;
    bool const unified = sys::cgroup_layout() == sys::CgroupLayout::unified;
    if (!resources.cpu.cpus.empty() || !resources.cpu.mems.empty())
        names.emplace_back("cpuset");
    if (block.weight || block.leaf_weight || !block.weight_device.empty() || !block.read_bps.empty() ||
        !block.write_bps.empty() || !block.read_iops.empty() || !block.write_iops.empty())
        names.emplace_back(unified ? "io" : "blkio");
    if (!resources.hugepage_limits.empty())
        names.emplace_back("hugetlb");
    if (resources.network_class)
        names.emplace_back("net_cls");
    if (!resources.network_priorities.empty())
        names.emplace_back("net_prio");
    if (!resources.rdma.empty())
        names.emplace_back("rdma");
    for (const auto& entry : resources.unified)
        names.push_back(entry.first.substr(0, entry.first.find('.')));
}

} // namespace

Result<std::string> cgroup_path(const oci::Config& config, const std::string& id)
{
    auto path = config.platform.cgroups_path;
    if (path.empty())
        return "/" + id;
    if (path.front() != '/' && std::count(path.begin(), path.end(), ':') == 2) {
        auto const parts = base::split(path, ':');
        path = "/" + (parts[0].empty() ? "system.slice" : parts[0]) + "/" + (parts[1].empty() ? "" : parts[1] + "-") + parts[2] +
               ".scope";
    }
    if (path.front() != '/')
        path.insert(0, "/");
    for (const auto& part : base::split(path, '/'))
        if (part == "..")
            return Error{Code::invalid_argument, "linux.cgroupsPath: must not hold \"..\""};
    while (path.size() > 1 && path.back() == '/')
        path.pop_back();
    if (path == "/")
        return Error{Code::invalid_argument, "linux.cgroupsPath: must not be the root"};
    return path;
}

std::vector<std::string> wanted_controllers(const oci::Resources& resources)
{
    auto names = sys::Cgroup::usual_controllers();
    add_rare_controllers(resources, names);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

Status apply_resources(const sys::Cgroup& cgroup, const oci::Resources& resources)
{
    TRY(cgroup.layout() == sys::CgroupLayout::unified ? apply_unified(cgroup, resources) : apply_legacy(cgroup, resources));
    if (resources.pids_limit)
        TRY(cgroup.write("pids", "pids.max", *resources.pids_limit <= 0 ? "max" : std::to_string(*resources.pids_limit)));
    return apply_rdma(cgroup, resources);
}

} // namespace nova::runtime
