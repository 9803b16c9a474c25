#pragma once

#include <string>

#include "runtime/cgroups.h"
#include "runtime/rootless.h"

namespace nova::runtime {

/// The global options of nb.
struct Globals {
    std::string root;      ///< Default: /run/nb, or $XDG_RUNTIME_DIR/nb for another user than root.
    std::string log;       ///< Empty: stderr alone.
    std::string criu;      ///< Where criu is. Empty: in $PATH.
    std::string resctrl{}; ///< Where that file system is. Empty: where it is mounted. No option sets it: tests do.
    bool log_json = false;
    bool debug = false;
    CgroupManager cgroup_manager = CgroupManager::cgroupfs;
    Rootless rootless = Rootless::automatic;

    std::string seccomp_cache() const { return root + "/.seccomp"; }
};

} // namespace nova::runtime
