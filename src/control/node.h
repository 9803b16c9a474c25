#pragma once

#include "control/object_store.h"
#include "vm/hypervisor.h"

namespace nova::control {

/// Name of this machine as a Node: its host name where that is a DNS label, else "local".
std::string node_name();

/// Makes or refreshes this machine's Node. Writes only what differs.
Status put_node(ObjectStore& store, const vm::AccelerationFinding& acceleration);

} // namespace nova::control
