#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// Writes the maps of a process that was born in a new user namespace: directly with privilege, else by newuidmap(1) and
/// newgidmap(1), else the caller's own id alone.
/// Errors: permission_denied.
Status write_id_maps(pid_t pid, const std::vector<model::oci::IdMapping>& uids, const std::vector<model::oci::IdMapping>& gids);

/// A new user namespace whose configuration maps nothing has the caller as its root, and nobody else.
void complete_id_maps(model::oci::Linux& config);

/// A user namespace that exists only to carry a mapping, for id-mapped mounts.
Result<sys::UniqueFd> open_user_namespace(const std::vector<model::oci::IdMapping>& uids,
                                          const std::vector<model::oci::IdMapping>& gids);

/// Which id of the host stands for one of the container. Errors: invalid_argument - none.
Result<std::uint32_t> host_id(const std::vector<model::oci::IdMapping>& mappings, std::uint32_t id);

} // namespace nova::runtime
