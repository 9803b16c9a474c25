#include "control/node.h"

#include "base/strings.h"
#include "control/conditions.h"
#include "sys/host.h"

namespace nova::control {

std::string node_name()
{
    auto const name = sys::describe_host().name;
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

    auto const host = sys::describe_host();
    node.status.version = NOVA_VERSION;
    node.status.kernel = host.kernel;
    node.status.cpus = host.cpus;
    node.status.memory = {host.memory_bytes};
    node.status.acceleration = std::string{vm::to_string(acceleration.use)};
    node.status.acceleration_reason = acceleration.reason;
    set_condition(node.status.conditions, "Ready", true, "NovaRuns", "");
    return store.put_status(node);
}

} // namespace nova::control
