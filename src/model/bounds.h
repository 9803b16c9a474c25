#pragma once

#include <cstdint>

#include "base/bytes.h"

/// How little and how much may be asked for, the same in an object and in a NovaFile. The upper bounds are those of the largest
/// hosts and file systems that are sold: what is above them is a slip of the pen, not a wish.
namespace nova::model {

constexpr std::int64_t most_cpus = 512;         ///< Of a capsule.
constexpr std::int64_t most_machine_cpus = 255; ///< A q35 without an IOMMU has no interrupts for more.

constexpr base::Bytes least_machine_memory{16ull << 20};
constexpr base::Bytes least_capsule_memory{6ull << 20}; ///< Below it the runtime itself has no room.
constexpr base::Bytes most_memory{16ull << 40};

constexpr base::Bytes most_disk{64ull << 40};
constexpr base::Bytes most_pool{16ull << 50};

constexpr std::int64_t most_grace_seconds = 3600;

} // namespace nova::model
