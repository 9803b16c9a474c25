#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"

namespace nova::runtime {

/// Tells before anything is made what apply_landlock would refuse. Best effort that leaves something out is named in `warnings`.
/// Errors: invalid_argument - names the field; unimplemented - this kernel lacks what may not be left out.
base::Status check_landlock(const model::oci::Landlock& landlock, std::vector<std::string>& warnings);

/// Gives the rights up, in the present root. Paths that are not there are passed over: nothing can lie beneath them.
/// Needs no_new_privs or CAP_SYS_ADMIN.
base::Status apply_landlock(const model::oci::Landlock& landlock);

} // namespace nova::runtime
