#pragma once

#include <string>

#include "base/result.h"

namespace nova::app {

using base::Result;
using base::Status;

/// Where one Nova keeps its things. Two with different roots never meet.
struct Layout {
    std::string root;     ///< What --root said; empty: the default for this user.
    std::string state;    ///< Survives a reboot: store, images, volumes, machines, logs.
    std::string run;      ///< Does not: sockets, records of what runs.
    std::string networks; ///< One JSON file per managed switch.
    std::string socket;   ///< Where the API listens.
    std::string instance; ///< 8 hexadecimal digits that follow from `state`: marks links, cgroups and firewall tables as ours.
    std::string cgroup;   ///< Parent of our groups: "/nova" for the system's own Nova, "/nova-<instance>" for others.
};

/// With a root: ROOT/state and ROOT/run; "/" stands for the system's own Nova, for whoever may use that. Without: /var/lib/nova
/// and /run/nova for root, the XDG directories for others; networks then lie in $XDG_DATA_HOME/nova/networks (default
/// ~/.local/share), or in the state where there is no home. NOVA_ROOT stands for --root where that is not given. Errors:
/// invalid_argument - the root is relative and the working directory is gone.
Result<Layout> find_layout(const std::string& root);

/// Makes the directories that must exist before anything else, not readable by others.
Status make_layout(const Layout& layout);

} // namespace nova::app
