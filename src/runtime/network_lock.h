#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace nova::runtime {

/// Opens the network of a restored container where criu leaves it locked: with nftables, criu 3.17 names the lock after the
/// number that the first process has on the host, keeps it in the images with the other rules, and looks for another number at
/// the restore. Only tables that are named so, and only in a network namespace of the container's.
base::Status remove_network_lock(pid_t first);

} // namespace nova::runtime
