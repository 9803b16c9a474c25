#pragma once

#include <string>

#include "control/drivers.h"
#include "control/plugs.h"

namespace nova::control {

/// What must be in place before a capsule's plan can be written.
struct CapsuleParts {
    const storage::StoredImage* image = nullptr;
    const Plug* plug = nullptr; ///< Null: no network.
    std::string rootfs;
    std::string directory; ///< The capsule's own: bundle/, and the files that are bound over the image's.
};

/// Puts the pod's wishes, the image's defaults and the network's facts together. Writes resolv.conf, hosts and hostname.
/// Errors: not_found - a volume's host path or the user is not there.
Result<runtime::CapsulePlan> plan_capsule(const model::Pod& pod, const CapsuleParts& parts, Context& context);

/// Digest of everything in a pod that its running process depends on: all of the spec but what changes without it (running, the
/// ports that are published, the grace, the restart policy), and the restart mark.
std::string process_digest(const model::Pod& pod);
std::string process_digest(const model::VirtualMachine& machine);

} // namespace nova::control
