#include "control/node.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/strings.h"
#include "control/conditions.h"

namespace nova::control {

std::string node_name()
{
    utsname names{};
    ::uname(&names);
    std::string const name{names.nodename};
    return base::is_dns_label(name) ? name : "local";
}

Status put_node(ObjectStore& store, const vm::AccelerationFinding& acceleration)
{
    model::Node node;
    node.meta.name = node_name();
    auto const created = store.create(node);
    if (!created.ok() && created.error().code() != base::Code::already_exists)
        return created;
    node = TRY(store.get<model::Node>("", node.meta.name));

    utsname names{};
    ::uname(&names);
    struct ::sysinfo memory {};
    ::sysinfo(&memory);
    node.status.version = NOVA_VERSION;
    node.status.kernel = names.release;
    node.status.cpus = static_cast<std::uint32_t>(::sysconf(_SC_NPROCESSORS_ONLN));
    node.status.memory = {static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit};
    node.status.acceleration = std::string{vm::to_string(acceleration.use)};
    node.status.acceleration_reason = acceleration.reason;
    set_condition(node.status.conditions, "Ready", true, "NovaRuns", "");
    return store.put_status(node);
}

} // namespace nova::control
