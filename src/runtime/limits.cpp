#include "runtime/limits.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "runtime/cgroup_values.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

constexpr std::uint16_t least_weight = 10;
constexpr std::uint16_t most_weight = 1000;

template <typename Number>
void drop_zero(std::optional<Number>& value)
{
    if (value && *value == 0)
        value.reset();
}

Status check_weight(const std::optional<std::uint16_t>& weight, const char* field)
{
    if (weight && (*weight < least_weight || *weight > most_weight))
        return Error{Code::invalid_argument, std::string{field} + ": must be 10 to 1000, is " + std::to_string(*weight)};
    return done();
}

/// Bytes in use: memory alone, or (of the host's version) memory and swap. 0 where that is not counted.
std::int64_t bytes_in(const sys::Cgroup& cgroup, const char* file)
{
    return base::parse_integer(text_in(cgroup, "memory", file), 0, INT64_MAX).value_or(0);
}

Status check_bytes(std::int64_t used, const std::optional<std::int64_t>& limit, const char* field)
{
    if (limit && *limit > 0 && used > *limit)
        return Error{Code::failed_precondition, std::string{field} + ": " + std::to_string(used) +
                                                    " bytes are in use, more than the new limit of " + std::to_string(*limit)};
    return done();
}

} // namespace

Result<oci::Resources> meant_limits(oci::Resources resources)
{
    auto& memory = resources.memory;
    bool const no_swap = memory.swap == 0 && !memory.limit;
    for (auto* const value : {&memory.limit, &memory.reservation, &memory.swap, &memory.kernel, &memory.kernel_tcp})
        drop_zero(*value);
    if (no_swap)
        memory.swap = 0;
    auto& cpu = resources.cpu;
    drop_zero(cpu.shares);
    drop_zero(cpu.period);
    drop_zero(cpu.quota);
    drop_zero(cpu.realtime_period);
    drop_zero(cpu.realtime_runtime);
    drop_zero(resources.pids_limit);
    auto& block = resources.block_io;
    drop_zero(block.weight);
    drop_zero(block.leaf_weight);
    TRY(check_weight(block.weight, "blockIO.weight"));
    TRY(check_weight(block.leaf_weight, "blockIO.leafWeight"));
    for (auto& device : block.weight_device) {
        drop_zero(device.weight);
        drop_zero(device.leaf_weight);
        TRY(check_weight(device.weight, "blockIO.weightDevice"));
    }
    return resources;
}

void complete_pids_limit(std::string_view config_version, oci::Resources& resources)
{
    constexpr long long first_with_zero = 3; // 1.3
    auto const minor = config_version.substr(std::min(config_version.size(), std::size_t{2}));
    auto& limit = resources.pids_limit;
    if (limit == 0 && base::parse_integer(minor.substr(0, minor.find('.')), first_with_zero, INT64_MAX).ok())
        limit = 1;
}

void take_cpu_max(std::string_view text, oci::CpuLimits& cpu)
{
    auto const words = base::split(text, ' ');
    if (auto const quota = base::parse_integer(words[0], 1, INT64_MAX); quota.ok() || words[0] == "max")
        cpu.quota = quota.ok() ? quota.value() : -1;
    if (words.size() > 1)
        if (auto const period = base::parse_integer(words[1], 1, INT64_MAX); period.ok())
            cpu.period = static_cast<std::uint64_t>(period.value());
}

std::uint64_t weight_of_shares(std::uint64_t shares)
{
    auto const exponent_of_two = std::log2(static_cast<double>(std::clamp<std::uint64_t>(shares, 2, 262144)));
    auto const exponent = (exponent_of_two * exponent_of_two + 125 * exponent_of_two) / 612 - 7.0 / 34;
    constexpr double rounding = 1e-6; // A whole number stays what it is.
    return static_cast<std::uint64_t>(std::ceil(std::pow(10.0, exponent) - rounding));
}

std::string device_number(const oci::BlockDeviceLimit& limit)
{
    return std::to_string(limit.major) + ":" + std::to_string(limit.minor) + " ";
}

Status check_memory_in_use(const sys::Cgroup& cgroup, const oci::MemoryLimits& memory)
{
    if (!memory.check_before_update)
        return done();
    bool const unified = cgroup.layout() == sys::CgroupLayout::unified;
    auto const used = bytes_in(cgroup, unified ? "memory.current" : "memory.usage_in_bytes");
    auto const with_swap =
        unified ? used + bytes_in(cgroup, "memory.swap.current") : bytes_in(cgroup, "memory.memsw.usage_in_bytes");
    TRY(check_bytes(used, memory.limit, "memory.limit"));
    return check_bytes(with_swap, memory.swap, "memory.swap");
}

namespace {

/// What is reserved counts as used, so both are limited where the kernel has both.
Status write_hugepage_limit(LimitWriter& writer, const oci::HugepageLimit& huge)
{
    const auto& cgroup = writer.cgroup();
    auto const name = "hugetlb." + huge.page_size;
    auto const end = cgroup.is_unified("hugetlb") ? std::string{".max"} : std::string{".limit_in_bytes"};
    TRY(writer.write("hugetlb", name + end, std::to_string(huge.limit)).context("hugepageLimits"));
    if (cgroup.has_file("hugetlb", name + ".rsvd" + end))
        TRY(writer.write("hugetlb", name + ".rsvd" + end, std::to_string(huge.limit)).context("hugepageLimits"));
    return done();
}

Status write_rdma_limit(LimitWriter& writer, const std::string& device, const oci::RdmaLimit& limit)
{
    auto text = device;
    if (limit.handles)
        text += " hca_handle=" + std::to_string(*limit.handles);
    if (limit.objects)
        text += " hca_object=" + std::to_string(*limit.objects);
    return text == device ? done() : writer.write("rdma", "rdma.max", text).context("rdma." + device);
}

} // namespace

Status write_cpu_sets(LimitWriter& writer, const oci::CpuLimits& cpu)
{
    if (!cpu.cpus.empty())
        TRY(writer.write("cpuset", "cpuset.cpus", cpu.cpus));
    if (!cpu.mems.empty())
        TRY(writer.write("cpuset", "cpuset.mems", cpu.mems));
    return done();
}

Status write_common_limits(LimitWriter& writer, const oci::Resources& resources)
{
    if (resources.pids_limit)
        TRY(writer.write("pids", "pids.max", *resources.pids_limit < 0 ? "max" : std::to_string(*resources.pids_limit)));
    for (const auto& huge : resources.hugepage_limits)
        TRY(write_hugepage_limit(writer, huge));
    for (const auto& [device, limit] : resources.rdma)
        TRY(write_rdma_limit(writer, device, limit));
    return done();
}

} // namespace nova::runtime
