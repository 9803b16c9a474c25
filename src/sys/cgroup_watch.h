#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

/// What the kernel tells of a cgroup by itself, as descriptors to poll. Each takes the directory of the cgroup.
namespace nova::sys {

using base::Result;
using base::Status;

/// Version 1: readable (eight bytes) when the group has run out of memory, and once more when it is removed.
/// `file` and `arguments`: "memory.oom_control" and "", "memory.pressure_level" and "low", "medium" or "critical".
/// Source: Documentation/admin-guide/cgroup-v1/memory.rst.
Result<UniqueFd> watch_legacy_memory(const std::string& directory, const std::string& file, const std::string& arguments);

/// How long processes of a group wait within a window before it is told.
struct PressureLevel {
    std::string share = "some"; ///< some: any of them waits. full: all do.
    std::chrono::microseconds stall{150000};
    std::chrono::microseconds window{1000000}; ///< 500 ms to 10 s; without privilege whole multiples of 2 s.
};

/// Version 2: urgent data (POLLPRI) at most once a window when that much was waited; POLLERR when the group is gone.
/// `resource`: cpu, memory, io. Errors: not_found - the kernel does not count this; invalid_argument - as the kernel sees it.
/// Source: Documentation/accounting/psi.rst.
Result<UniqueFd> watch_pressure(const std::string& directory, const std::string& resource, const PressureLevel& level);

} // namespace nova::sys
