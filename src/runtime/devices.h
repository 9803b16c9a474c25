#pragma once

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// Takes a /dev that shall be read-only at its word, once all is made in it.
Status finish_dev(const sys::RootDirectory& root, const model::oci::Config& config);

/// /dev/null, zero, full, random, urandom and tty, those of linux.devices, and the links that every program expects. Where
/// nodes can't be made (in a user namespace) those of make_host_nodes() are bind-mounted, or else the host's. Leaves a /dev that
/// is a bind mount alone. Errors: invalid_argument - /dev is a symbolic link.
Status make_devices(const sys::RootDirectory& root, const model::oci::Config& config, const std::vector<sys::UniqueFd>& nodes);

/// A new terminal from the container's own devpts.
struct Terminal {
    sys::UniqueFd master;
    sys::UniqueFd slave;
};

/// Opens it, checks that it is one, and puts it on /dev/console. The slave comes from the master (TIOCGPTPEER), never by name.
Result<Terminal> make_console(const sys::RootDirectory& root, const model::oci::Process& process);

/// The same without /dev/console, for exec.
Result<Terminal> open_terminal(const sys::RootDirectory& root, const model::oci::Process& process);

} // namespace nova::runtime
