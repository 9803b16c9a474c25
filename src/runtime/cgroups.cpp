#include "runtime/cgroups.h"

#include <algorithm>

#include "base/strings.h"
#include "runtime/limits.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

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

Status write_resources(LimitWriter& writer, const oci::Resources& asked)
{
    auto const resources = TRY(meant_limits(asked));
    bool const unified = writer.cgroup().layout() == sys::CgroupLayout::unified;
    TRY(check_memory_in_use(writer.cgroup(), resources.memory));
    TRY(unified ? write_unified_limits(writer, resources) : write_legacy_limits(writer, resources));
    return write_common_limits(writer, resources);
}

Status apply_resources(const sys::Cgroup& cgroup, const oci::Resources& resources)
{
    LimitWriter writer{cgroup, OldValues::forget};
    return write_resources(writer, resources);
}

Status change_resources(const sys::Cgroup& cgroup, const oci::Resources& resources, const std::function<Status()>& then)
{
    LimitWriter writer{cgroup, OldValues::keep};
    auto changed = write_resources(writer, resources);
    if (changed.ok())
        changed = then();
    if (changed.ok())
        return changed;
    auto const restored = writer.take_back();
    if (restored.ok())
        return changed;
    return Error{changed.error().code(),
                 changed.error().message() + " (and not all limits could be set back: " + restored.error().message() + ")"};
}

} // namespace nova::runtime
