#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// One rule of who may use which device. The last rule that matches an access decides; where none does it is denied.
struct DeviceAccess {
    bool allow = false;
    char type = 'a';                      ///< a c b
    std::optional<std::uint32_t> major{}; ///< Empty: every one.
    std::optional<std::uint32_t> minor{};
    bool read = true;
    bool write = true;
    bool make = true; ///< mknod
};

/// cgroup version 2: puts a filter on the cgroup (its directory's descriptor), in the place of the one that is there. Where
/// several are, it takes part beside them, as beside those of the cgroups above: what one of them denies is denied.
/// Needs CAP_BPF or CAP_SYS_ADMIN.
/// Source: linux/bpf.h, struct bpf_cgroup_dev_ctx.
Status attach_device_filter(int cgroup_directory, const std::vector<DeviceAccess>& rules);

} // namespace nova::sys
