#pragma once

#include <optional>

#include "apps/nova/cli/applied_file.h"
#include "base/clock.h"

namespace nova::app {

/// Makes an object, or accepts that another `up` of the same file was faster.
Status make(client::Client& client, const nlohmann::json& object, const client::WriteOptions& options = {});

/// Asks for each new network and image without making it, so that a refusal (a subnet that another project has) leaves nothing
/// half made. What stands on them can't be asked for before they are there, and what needs room that a removal makes neither.
Status check_plan(client::Client& client, const std::vector<PlannedChange>& plan);

/// Takes out of the plan the removal of images that capsules use which are not removed with it: another file's, or none's.
/// Returns their names. The daemon would let them go only with the last of those capsules.
Result<std::vector<std::string>> spare_images_in_use(client::Client& client, std::vector<PlannedChange>& plan);

struct Applied {
    Status outcome;
    std::optional<model::Key> refused{}; ///< What could not be made or changed; what stands behind it in the plan was not tried.
};

/// Takes away what goes, then makes in order. The first refusal ends it: what stands after depends on what stands before.
Applied apply_plan(client::Client& client, const Invocation& invocation, const std::vector<PlannedChange>& plan,
                   base::Deadline deadline);

} // namespace nova::app
