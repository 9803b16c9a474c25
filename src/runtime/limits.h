#pragma once

#include "model/oci_config.h"
#include "runtime/limit_writer.h"

namespace nova::runtime {

/// Resources as they are meant: a 0 where the kernel knows no such value says "leave it alone", as other runtimes read it. But a
/// memory.swap of 0 without any memory.limit stays, and is no swap at all, on version 2.
/// Errors: invalid_argument - a weight out of its range.
Result<model::oci::Resources> meant_limits(model::oci::Resources resources);

/// A pids.limit of 0 is one since version 1.3 of the specification, and 1 then: the first process is there in any case. In older
/// configurations it stays 0, by which engines mean that there is none.
void complete_pids_limit(std::string_view config_version, model::oci::Resources& resources);

/// Version 1's shares (2 to 262144, usually 1024) as version 2's weight (1 to 10000, usually 100), on the curve that runc and
/// crun take: log10(weight) = (log2(shares)^2 + 125 log2(shares)) / 612 - 7 / 34.
std::uint64_t weight_of_shares(std::uint64_t shares);

/// Takes quota and period as version 2's cpu.max has them: "20000 50000", "max 100000", "max". What is no number stays as it was.
void take_cpu_max(std::string_view text, model::oci::CpuLimits& cpu);

/// Version 1 (and hybrid), in the order in which the kernel takes the values.
Status write_legacy_limits(LimitWriter& writer, const model::oci::Resources& resources);

/// Version 2. Memory limits become: limit memory.max, reservation memory.low, swap less limit memory.swap.max.
Status write_unified_limits(LimitWriter& writer, const model::oci::Resources& resources);

/// What both versions write alike: pids, rdma, huge pages.
Status write_common_limits(LimitWriter& writer, const model::oci::Resources& resources);

/// The processors and memory nodes it may use.
Status write_cpu_sets(LimitWriter& writer, const model::oci::CpuLimits& cpu);

/// memory.checkBeforeUpdate. Errors: failed_precondition - more is in use than the new limit allows.
Status check_memory_in_use(const sys::Cgroup& cgroup, const model::oci::MemoryLimits& memory);

/// "8:0 ", which stands in front of a device's limit.
std::string device_number(const model::oci::BlockDeviceLimit& limit);

template <typename Number>
Status write_if(LimitWriter& writer, std::string_view controller, const char* file, const std::optional<Number>& value)
{
    return value ? writer.write(controller, file, std::to_string(*value)) : base::done();
}

} // namespace nova::runtime
