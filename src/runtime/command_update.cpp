// update: other limits for a container that runs.
#include <algorithm>

#include "model/json_merge.h"
#include "runtime/cgroup_values.h"
#include "runtime/commands.h"
#include "runtime/container_cgroup.h"
#include "runtime/intel_rdt.h"
#include "runtime/kept_limits.h"
#include "runtime/limits.h"
#include "runtime/state.h"
#include "runtime/update_request.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

struct Change {
    oci::Resources resources;
    oci::IntelRdt rdt; ///< Its schemas; empty where they stay.
};

/// Limits whose controllers the container did not need so far.
Status take_part(sys::Cgroup& cgroup, Record& record, const oci::Resources& resources)
{
    auto wanted = wanted_controllers(resources);
    std::erase_if(wanted, [&](const auto& name) {
        return std::find(record.controllers.begin(), record.controllers.end(), name) != record.controllers.end();
    });
    if (wanted.empty())
        return done();
    TRY(cgroup.extend(wanted));
    record.controllers.insert(record.controllers.end(), wanted.begin(), wanted.end());
    return done();
}

/// So that what is said of the container later (to hooks, at its restoration) is what holds.
Status note_resources(const StateDirectory& directory, const std::string& resources)
{
    auto const config_text = TRY(directory.read_config());
    auto const config = TRY(model::JsonDocument::parse(config_text));
    auto const patch_text = R"({"linux":{"resources":)" + resources + "}}";
    auto const patch = TRY(model::JsonDocument::parse(patch_text));
    return directory.replace_config(merge_json(config.root(), patch.root()));
}

/// What the files made of a limit that depends on others: systemd is told that. It keeps a quota as a share of a processor, so it
/// needs the period too.
oci::Resources as_written(const sys::Cgroup& cgroup, oci::Resources resources)
{
    if (cgroup.is_unified("memory") && cgroup.has_file("memory", "memory.swap.max") && resources.memory.swap) {
        resources.memory.swap.reset();
        resources.unified["memory.swap.max"] = text_in(cgroup, "memory", "memory.swap.max");
    }
    auto& cpu = resources.cpu;
    if (!cpu.quota && !cpu.period)
        return resources;
    if (cgroup.is_unified("cpu")) {
        take_cpu_max(text_in(cgroup, "cpu", "cpu.max"), cpu);
        return resources;
    }
    auto const quota = text_in(cgroup, "cpu", "cpu.cfs_quota_us");
    take_cpu_max((quota == "-1" ? "max" : quota) + " " + text_in(cgroup, "cpu", "cpu.cfs_period_us"), cpu);
    return resources;
}

/// The files say what they said before, also where systemd would have it a little different.
Status tell_service_manager(const Globals& globals, const Record& record, const sys::Cgroup& cgroup,
                            const oci::Resources& resources)
{
    auto const limits = KeptLimits::read(cgroup);
    TRY(tell_systemd(record.unit, systemd_kind(globals), as_written(cgroup, resources)));
    return limits.set_back(cgroup);
}

/// What the kernel may refuse, together: when one of these fails the limits are set back.
Status change_all(const Globals& globals, const Record& record, const sys::Cgroup& cgroup, const Change& change)
{
    const auto& resources = change.resources;
    return change_resources(cgroup, resources, [&]() -> Status {
        if (!resources.devices.empty())
            TRY(apply_device_rules(cgroup, resources.devices));
        TRY(update_rdt_class(globals, record, change.rdt));
        return record.unit.empty() ? done() : tell_service_manager(globals, record, cgroup, resources);
    });
}

Status update_container(const Globals& globals, const std::string& id, const UpdateRequest& request)
{
    Change change{.resources = TRY(oci::parse_resources(request.resources).context("--resources")), .rdt = {}};
    change.rdt.l3_cache_schema = request.l3_cache_schema;
    change.rdt.mem_bw_schema = request.mem_bw_schema;
    auto directory = TRY(StateDirectory::open(globals.root, id));
    TRY(directory.lock());
    auto record = TRY(directory.read());
    auto const phase = observe(directory, record);
    if (phase == Phase::stopped || phase == Phase::creating)
        return Error{Code::failed_precondition, "container \"" + id + "\" is " + std::string{to_string(phase)}};
    bool const changes_rdt = !request.l3_cache_schema.empty() || !request.mem_bw_schema.empty();
    if (changes_rdt && record.rdt.name.empty())
        return Error{Code::failed_precondition,
                     "--l3-cache-schema, --mem-bw-schema: the container was made without linux.intelRdt"};
    if (record.cgroup.empty())
        return Error{Code::failed_precondition, "container \"" + id + "\" has no cgroup of its own"};
    complete_pids_limit(record.version, change.resources);
    auto cgroup = sys::Cgroup::at(record.cgroup, record.controllers);
    TRY(take_part(cgroup, record, change.resources));
    TRY(directory.write(record));
    TRY(change_all(globals, record, cgroup, change));
    return note_resources(directory, request.resources);
}

} // namespace

Result<int> update_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, update_options(), OptionOrder::anywhere));
    auto const id = TRY(arguments.only("the container's id"));
    TRY(update_container(globals, id, TRY(read_update_request(arguments))));
    return 0;
}

} // namespace nova::runtime
