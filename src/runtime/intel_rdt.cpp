#include "runtime/intel_rdt.h"

#include "base/strings.h"
#include "runtime/rdt_schema.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

Result<sys::Resctrl> open_resctrl(const Globals& globals)
{
    return globals.resctrl.empty() ? sys::Resctrl::open() : sys::Resctrl::at(globals.resctrl);
}

std::string group_of(const Record& record) { return record.rdt.name == "/" ? "" : record.rdt.name; }

std::string below(const std::string& group, const std::string& path) { return group.empty() ? path : group + "/" + path; }

std::string monitor_of(const Record& record) { return below(group_of(record), "mon_groups/" + record.id); }

/// What the kernel rounds memory bandwidth up to, in its own unit (percent, or MB/s).
unsigned bandwidth_step(const sys::Resctrl& resctrl)
{
    auto const text = resctrl.read("info/MB/bandwidth_gran");
    auto const number = base::parse_integer(text.ok() ? base::trim(text.value()) : "", 0, 1 << 20);
    return number.ok() ? static_cast<unsigned>(number.value()) : 0;
}

/// A class that others may use too is taken as it is, or not at all.
Status check_values(const sys::Resctrl& resctrl, const oci::IntelRdt& wish, const std::string& group)
{
    if (wish.l3_cache_schema.empty() && wish.mem_bw_schema.empty())
        return done();
    auto const held = TRY(resctrl.read(below(group, "schemata")));
    oci::IntelRdt compared = wish;
    compared.schemata.clear();
    auto const difference = schema_difference(schemata_text(compared), held, bandwidth_step(resctrl));
    if (!difference.empty())
        return Error{Code::failed_precondition, "class \"" + wish.clos_id + "\" has other values: " + difference};
    return done();
}

Status plan_class(const Globals& globals, const oci::IntelRdt& wish, Record& record)
{
    auto const resctrl = TRY(open_resctrl(globals));
    record.rdt.name = wish.clos_id.empty() ? record.id : wish.clos_id;
    record.rdt.monitored = wish.enable_monitoring;
    auto const group = group_of(record);
    bool const exists = resctrl.has_group(group);
    if (wish.clos_id.empty()) {
        record.rdt.made = !exists;
        return done();
    }
    if (exists)
        return check_values(resctrl, wish, group);
    if (schemata_text(wish).empty())
        return Error{Code::failed_precondition,
                     "closID: there is no class \"" + wish.clos_id + "\", and no values to make it with"};
    return done();
}

Status join_groups(const RdtGroups& groups, pid_t pid)
{
    TRY(groups.resctrl.write(groups.group, "tasks", std::to_string(pid)));
    return groups.monitor.empty() ? done() : groups.resctrl.write(groups.monitor, "tasks", std::to_string(pid));
}

} // namespace

Status RdtClass::plan(const Globals& globals, const oci::Config& config, Record& record)
{
    if (!config.platform.intel_rdt)
        return done();
    return plan_class(globals, *config.platform.intel_rdt, record).context("linux.intelRdt");
}

Result<RdtGroups> open_rdt_groups(const Globals& globals, const Record& record)
{
    auto resctrl = TRY(open_resctrl(globals).context("linux.intelRdt"));
    return RdtGroups{std::move(resctrl), group_of(record), record.rdt.monitored ? monitor_of(record) : ""};
}

Status RdtClass::make(const Globals& globals, const oci::Config& config, const Record& record)
{
    if (record.rdt.name.empty() || !config.platform.intel_rdt)
        return done();
    groups_.emplace(TRY(open_rdt_groups(globals, record)));
    const auto& resctrl = groups_->resctrl;
    if (!resctrl.has_group(groups_->group)) {
        TRY(resctrl.create_group(groups_->group).context("linux.intelRdt"));
        made_group_ = true;
    }
    if (auto const text = schemata_text(*config.platform.intel_rdt); !text.empty())
        TRY(resctrl.write(groups_->group, "schemata", text).context("linux.intelRdt"));
    if (groups_->monitor.empty())
        return done();
    TRY(resctrl.create_group(groups_->monitor).context("linux.intelRdt.enableMonitoring"));
    made_monitor_ = true;
    return done();
}

Status RdtClass::join(pid_t pid) const { return groups_ ? join_groups(*groups_, pid).context("linux.intelRdt") : done(); }

void RdtClass::take_back()
{
    if (made_monitor_)
        (void)groups_->resctrl.remove_group(groups_->monitor);
    if (made_group_)
        (void)groups_->resctrl.remove_group(groups_->group);
}

Status join_rdt_class(const Globals& globals, const Record& record, pid_t pid)
{
    if (record.rdt.name.empty())
        return done();
    return join_groups(TRY(open_rdt_groups(globals, record)), pid).context("linux.intelRdt");
}

Status remove_rdt_class(const Globals& globals, const Record& record)
{
    if (!record.rdt.made && !record.rdt.monitored)
        return done();
    auto opened = open_rdt_groups(globals, record);
    if (failed_with(opened, Code::failed_precondition))
        return done(); // Unmounted meanwhile: the kernel took all groups away with it.
    auto const groups = TRY(std::move(opened));
    if (!groups.monitor.empty())
        TRY(groups.resctrl.remove_group(groups.monitor).context("linux.intelRdt"));
    return record.rdt.made ? groups.resctrl.remove_group(groups.group).context("linux.intelRdt") : done();
}

Status update_rdt_class(const Globals& globals, const Record& record, const oci::IntelRdt& wish)
{
    auto const text = schemata_text(wish);
    if (text.empty())
        return done();
    auto const groups = TRY(open_rdt_groups(globals, record));
    return groups.resctrl.write(groups.group, "schemata", text).context("linux.intelRdt");
}

} // namespace nova::runtime
