#pragma once

#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;

/// For a container with a user namespace, in which nobody can make device nodes: those of linux.devices, made by us with their
/// owner and mode, each a mount that is attached nowhere. They lie in a tmpfs of their own and in no mount namespace of the
/// host's. As many as there are devices, or none where there is no user namespace or we may not make any.
Result<std::vector<sys::UniqueFd>> make_host_nodes(const model::oci::Linux& config);

} // namespace nova::runtime
