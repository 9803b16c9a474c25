#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// A namespace to join: what it is, and a handle of it.
struct JoinedNamespace {
    int type = 0; ///< CLONE_NEW*
    std::string path;
    sys::UniqueFd fd;
};

/// Which namespaces the container gets, as flags of clone(2).
struct NamespacePlan {
    std::uint64_t fresh = 0;             ///< CLONE_NEW* of new ones, without the cgroup and time namespaces.
    bool fresh_cgroup = false;           ///< Made later: its root is the cgroup that the process is in then.
    bool fresh_time = false;             ///< Made by the process in between, for its offsets.
    std::vector<JoinedNamespace> joined; ///< By path. The user namespace, where one is joined, last.

    bool has(int type) const;   ///< New or by path.
    bool joins(int type) const; ///< By path.
    bool needs_process_between() const { return !joined.empty() || fresh_time; }
};

bool has_user_namespace(const model::oci::Linux& config); ///< A new one or by path.

/// Opens what is given by path. Errors: not_found, invalid_argument - it is a namespace of another type.
Result<NamespacePlan> plan_namespaces(const model::oci::Linux& config);

/// Enters the namespaces by path. For the process in between only.
Status enter_joined(const NamespacePlan& plan);

/// Makes a time namespace for the next child, and sets its clocks. `host_proc`: /proc as it was before anything was joined.
Status make_time_namespace(const model::oci::Linux& config, int host_proc);

} // namespace nova::runtime
