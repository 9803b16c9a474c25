#pragma once

#include <functional>
#include <string>

#include "control/claims.h"
#include "control/events.h"
#include "control/object_store.h"
#include "network/networks.h"
#include "runtime/capsules.h"
#include "storage/images.h"
#include "storage/volumes.h"
#include "supervisor/client.h"
#include "vm/hypervisor.h"

namespace nova::control {

/// Where one Nova keeps its things.
struct Places {
    std::string state;    ///< Survives a reboot.
    std::string run;      ///< Does not.
    std::string instance; ///< 8 hexadecimal digits that differ for each root.
    std::string cgroup;   ///< "/nova-1a2b3c4d": the parent of every capsule's group.
};

/// What controllers move things with. All references live as long as the daemon.
struct Drivers {
    storage::ImageStore& images;
    storage::Volumes& volumes;
    network::Networks& networks;
    runtime::Capsules& capsules;
    vm::Hypervisor& hypervisor;
    supervisor::Client& supervisor;
    vm::AccelerationFinding acceleration;
};

/// What every controller works with.
struct Context {
    ObjectStore& store;
    Claims& claims;
    EventRecorder& events;
    Drivers drivers;
    Places places;
    std::function<void(const model::Key&)> wake{}; ///< Asks for a pass over another object. Set by Control.
};

} // namespace nova::control
