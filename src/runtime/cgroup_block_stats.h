#pragma once

#include "model/json_writer.h"
#include "sys/cgroup.h"

namespace nova::runtime {

/// The member "blkio" of the statistics: bytes and requests by device and kind.
void write_block_stats(model::JsonWriter& json, const sys::Cgroup& cgroup);

/// The member "hugetlb": by page size.
void write_hugepage_stats(model::JsonWriter& json, const sys::Cgroup& cgroup);

} // namespace nova::runtime
