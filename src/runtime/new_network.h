#pragma once

#include "base/result.h"
#include "runtime/namespaces.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// Whether the runtime may make the container's network namespace while the container's process mounts, instead of making it with
/// that process: it takes as long as all other namespaces together. Not where it has to belong to the container's user namespace,
/// and not where we could not come back from it, as under rootless podman.
bool may_make_network_apart(const NamespacePlan& plan);

/// The caller, a process with one thread, is back in its own namespace after.
Result<sys::UniqueFd> make_network();

} // namespace nova::runtime
