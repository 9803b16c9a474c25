#include "runtime/container_cgroup.h"

#include <algorithm>

#include "runtime/cgroup_owner.h"
#include "runtime/kept_limits.h"
#include "runtime/limits.h"
#include "runtime/log.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

constexpr auto kill_deadline = std::chrono::seconds{10};

/// Something that only a cgroup can give. Rules for devices do not count: without privilege nobody makes device nodes.
bool limits_anything(const oci::Resources& resources)
{
    const auto& memory = resources.memory;
    const auto& cpu = resources.cpu;
    const auto& block = resources.block_io;
    return memory.limit || memory.reservation || memory.swap || memory.swappiness || cpu.shares || cpu.quota || cpu.burst ||
           cpu.period || cpu.idle || cpu.realtime_runtime || !cpu.cpus.empty() || !cpu.mems.empty() || resources.pids_limit ||
           block.weight || !block.weight_device.empty() || !block.read_bps.empty() || !block.write_bps.empty() ||
           !block.read_iops.empty() || !block.write_iops.empty() || !resources.hugepage_limits.empty() ||
           !resources.rdma.empty() || !resources.unified.empty() || resources.network_class ||
           !resources.network_priorities.empty();
}

/// Who names the cgroup looks into it: engines read what it does with disks and limit its processors later, and programs inside
/// (the Java machine is one) find their limits only where the cpuset is mounted too; podman mounts systemd's over its place. Who
/// names none is spared making them.
void add_engines_hierarchies(std::vector<std::string>& controllers)
{
    for (const std::string name : {"cpuset", "blkio", "net_cls", "net_prio", "perf_event", "hugetlb", "systemd"})
        if (sys::has_hierarchy(name) && std::find(controllers.begin(), controllers.end(), name) == controllers.end())
            controllers.push_back(name);
}

Error nothing_delegated(const Error& cause)
{
    return {Code::permission_denied,
            "linux.resources: there is no cgroup that we may use (" + cause.message() +
                "): have one delegated (systemd-run --user --scope -p Delegate=yes ...), or set no limits"};
}

/// All but the number of processes, which comes last where a place is held for the container.
oci::Resources without_pids(oci::Resources resources)
{
    resources.pids_limit.reset();
    resources.unified.erase("pids.max");
    return resources;
}

Status limit_pids(const sys::Cgroup& group, const oci::Resources& resources)
{
    oci::Resources late;
    late.pids_limit = resources.pids_limit;
    if (auto const file = resources.unified.find("pids.max"); file != resources.unified.end())
        late.unified.insert(*file);
    return apply_resources(group, late).context("linux.resources");
}

} // namespace

SystemdKind systemd_kind(const Globals& globals)
{
    return acts_rootless(globals.rootless) ? SystemdKind::user : SystemdKind::system;
}

Status ContainerCgroup::plan(const Globals& globals, const oci::Config& config, Record& record)
{
    if (globals.cgroup_manager == CgroupManager::disabled)
        return done();
    record.controllers = wanted_controllers(config.platform.resources);
    if (globals.cgroup_manager == CgroupManager::systemd) {
        record.unit = TRY(parse_unit_name(config.platform.cgroups_path, record.id, systemd_kind(globals))).unit;
        if (sys::cgroup_layout() == sys::CgroupLayout::legacy)
            record.controllers.emplace_back("systemd"); // The hierarchy in which it follows processes.
        return done();
    }
    record.cgroup = TRY(cgroup_path(config, record.id));
    if (!config.platform.cgroups_path.empty() && !acts_rootless(globals.rootless) &&
        sys::cgroup_layout() == sys::CgroupLayout::legacy)
        add_engines_hierarchies(record.controllers);
    if (config.platform.cgroups_path.empty() && acts_rootless(globals.rootless))
        record.cgroup = find_delegated_cgroup().value_or("") + record.cgroup;
    return done();
}

bool ContainerCgroup::is_joined_late(const Globals& globals, const Record& record)
{
    // Without privilege it is uncertain whether there will be one at all.
    return !record.cgroup.empty() && record.unit.empty() && !acts_rootless(globals.rootless) &&
           sys::cgroup_layout() == sys::CgroupLayout::legacy;
}

Status ContainerCgroup::make_group(const Globals& globals, const oci::Config& config, Record& record)
{
    if (record.unit.empty()) {
        group_ = TRY(sys::Cgroup::create(record.cgroup, record.controllers));
        return done();
    }
    auto const kind = systemd_kind(globals);
    auto const name = TRY(parse_unit_name(config.platform.cgroups_path, record.id, kind));
    scope_.emplace(TRY(Scope::create(name, kind, config)));
    record.cgroup = scope_->cgroup();
    group_ = TRY(sys::Cgroup::adopt(record.cgroup, record.controllers));
    return done();
}

Status ContainerCgroup::set_limits(const Globals& globals, const oci::Config& config) const
{
    const auto& resources = config.platform.resources;
    TRY(apply_resources(*group_, scope_ ? without_pids(resources) : resources).context("linux.resources"));
    auto filtered = apply_device_rules(*group_, resources.devices);
    if (failed_with(filtered, Code::permission_denied) && acts_rootless(globals.rootless))
        return done(); // A filter needs privilege; without any, nobody inside can make a device node either.
    return filtered;
}

Status ContainerCgroup::make(const Globals& globals, const oci::Config& config, Record& record)
{
    if (record.cgroup.empty() && record.unit.empty())
        return done();
    auto made = make_group(globals, config, record);
    if (made.ok())
        return set_limits(globals, config);
    bool const not_ours =
        failed_with(made, Code::permission_denied) || made.error().errnum() == EROFS || failed_with(made, Code::unimplemented);
    if (!record.unit.empty() || !not_ours || !acts_rootless(globals.rootless))
        return made;
    if (limits_anything(config.platform.resources))
        return nothing_delegated(made.error());
    tell(globals, Severity::notice, "the container has no cgroup of its own: " + made.error().message());
    record.cgroup.clear();
    record.controllers.clear();
    return done();
}

Status ContainerCgroup::settle(const Globals& globals, const oci::Config& config)
{
    if (scope_) {
        auto const limits = KeptLimits::read(*group_);
        TRY(scope_->settle(config.platform.resources));
        TRY(limits.set_back(*group_).context("linux.resources"));
        TRY(limit_pids(*group_, config.platform.resources));
    }
    auto given = group_ ? give_cgroup_away(*group_, config) : done();
    // Without privilege nobody gives away what is his: then it stays the caller's.
    return failed_with(given, Code::permission_denied) && acts_rootless(globals.rootless) ? done() : given;
}

void ContainerCgroup::take_back()
{
    if (group_)
        (void)group_->kill_all(Deadline::after(kill_deadline));
    if (scope_)
        (void)scope_->stop();
    if (!group_)
        return;
    (void)group_->remove(Deadline::after(kill_deadline));
    group_->remove_made();
}

Status remove_cgroup(const Globals& globals, const Record& record, Deadline deadline)
{
    auto const group = sys::Cgroup::at(record.cgroup, record.controllers);
    if (!record.cgroup.empty() && record.unit.empty() && group.remove_if_empty())
        return done();
    if (!record.cgroup.empty())
        TRY(group.kill_all(deadline));
    if (!record.unit.empty()) {
        auto systemd = Systemd::connect(systemd_kind(globals));
        auto const stopped = systemd.ok() ? systemd.value().stop_unit(record.unit) : Status{systemd.error()};
        if (!stopped.ok()) // The processes are gone, and its cgroup goes below: systemd finds out by itself.
            tell(globals, Severity::warning, "stop " + record.unit + ": " + stopped.error().message());
    }
    return record.cgroup.empty() ? done() : group.remove(deadline);
}

} // namespace nova::runtime
