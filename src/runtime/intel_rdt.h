#pragma once

#include <optional>
#include <string>

#include "model/oci_config.h"
#include "runtime/globals.h"
#include "runtime/state.h"
#include "sys/resctrl.h"

namespace nova::runtime {

/// The groups of a container that has a class, and the file system that they are in.
struct RdtGroups {
    sys::Resctrl resctrl;
    std::string group;   ///< Its class. Empty: the default one.
    std::string monitor; ///< Empty: none.
};

/// Errors: failed_precondition - no resctrl is mounted.
Result<RdtGroups> open_rdt_groups(const Globals& globals, const Record& record);

/// linux.intelRdt: the class of a container that is being made, and its group for monitoring.
class RdtClass {
public:
    /// Notes in the record what shall be made, before anything is.
    /// Errors: failed_precondition - no resctrl is mounted, the class that is named is not there or has other values.
    static Status plan(const Globals& globals, const model::oci::Config& config, Record& record);

    /// Makes what is missing, and writes the values that are asked for. Nothing where the record names no class.
    Status make(const Globals& globals, const model::oci::Config& config, const Record& record);

    Status join(pid_t pid) const; ///< Its children follow it.

    void take_back(); ///< What make() made.

private:
    std::optional<RdtGroups> groups_; ///< Empty: no class.
    bool made_group_ = false;
    bool made_monitor_ = false;
};

/// One more process of a container that runs.
Status join_rdt_class(const Globals& globals, const Record& record, pid_t pid);

/// Takes away what was made with the container, and nothing else. Accepts absence.
Status remove_rdt_class(const Globals& globals, const Record& record);

/// `update`, of a container that has a class.
Status update_rdt_class(const Globals& globals, const Record& record, const model::oci::IntelRdt& wish);

/// The member "intel_rdt" of statistics, as runc has it: "{}" for a container without a class.
std::string rdt_stats_json(const Globals& globals, const Record& record);

} // namespace nova::runtime
