#include "runtime/scope.h"

#include <signal.h>
#include <unistd.h>

#include "sys/cgroup.h"
#include "sys/namespace.h"
#include "sys/own_process.h"
#include "sys/pidfd.h"

namespace nova::runtime {

using base::Deadline;
using base::done;
namespace oci = model::oci;

namespace {

bool is_unified() { return sys::cgroup_layout() == sys::CgroupLayout::unified; }

/// All that the unit begins with. How many processes it may have is told later: the place holder is one too.
Result<std::vector<UnitProperty>> first_properties(const oci::Config& config, const std::string& unit, SystemdKind kind)
{
    std::vector<UnitProperty> properties{{"Description", "nb container " + unit},
                                         {"DefaultDependencies", false},
                                         {"MemoryAccounting", true},
                                         {"CPUAccounting", true},
                                         {"TasksAccounting", true},
                                         {is_unified() ? "IOAccounting" : "BlockIOAccounting", true}};
    if (!unit.ends_with(".slice"))
        properties.push_back({"CollectMode", std::string{"inactive-or-failed"}}); // One that failed is not kept.
    auto const add = [&](std::vector<UnitProperty> more) {
        for (auto& property : more)
            if (property.name != "TasksMax")
                properties.push_back(std::move(property));
    };
    add(limit_properties(config.platform.resources, is_unified()));
    if (kind == SystemdKind::system)
        add(device_properties(config.platform.resources.devices));
    for (auto& property : TRY(annotated_properties(config.annotations))) {
        std::erase_if(properties, [&](const auto& earlier) { return earlier.name == property.name; });
        properties.push_back(std::move(property));
    }
    return properties;
}

} // namespace

Result<Scope::PlaceHolder> Scope::PlaceHolder::start()
{
    auto cloned = TRY(sys::clone_process(0));
    if (cloned.pid == 0) {
        (void)sys::set_parent_death_signal(SIGKILL);
        sys::close_all_but(0, {});
        while (true)
            ::pause();
    }
    return PlaceHolder{cloned.pid, std::move(cloned.pidfd)};
}

void Scope::PlaceHolder::end()
{
    if (!process_)
        return;
    (void)sys::signal_pidfd(process_.get(), SIGKILL);
    (void)sys::wait_pidfd(process_.get(), Deadline::never());
    process_.reset();
}

Result<Scope> Scope::create(const UnitName& name, SystemdKind kind, const oci::Config& config)
{
    auto properties = TRY(first_properties(config, name.unit, kind));
    auto systemd = TRY(Systemd::connect(kind));
    auto holder = TRY(PlaceHolder::start());
    TRY(systemd.start_unit(name, holder.pid(), std::move(properties)).context("start " + name.unit));
    Scope scope{std::move(systemd), name.unit, std::move(holder)};
    auto cgroup = scope.systemd_.cgroup_of(name.unit);
    if (!cgroup.ok()) {
        (void)scope.stop();
        return std::move(cgroup).take_error();
    }
    scope.cgroup_ = std::move(cgroup).value();
    return scope;
}

Status Scope::settle(const oci::Resources& resources)
{
    holder_.end();
    for (auto& property : limit_properties(resources, is_unified()))
        if (property.name == "TasksMax")
            TRY(systemd_.set_properties(unit_, {property}));
    return done();
}

Status Scope::stop()
{
    holder_.end();
    return systemd_.stop_unit(unit_);
}

Status tell_systemd(const std::string& unit, SystemdKind kind, const oci::Resources& resources)
{
    auto const properties = limit_properties(resources, is_unified());
    if (properties.empty())
        return done();
    auto systemd = TRY(Systemd::connect(kind));
    return systemd.set_properties(unit, properties);
}

} // namespace nova::runtime
