#pragma once

#include "apps/nova/cli/applied_file.h"
#include "base/clock.h"

namespace nova::app {

/// Brings in the images that a plan makes, changes, or has found failed, and waits for each: an image that can't be had is known
/// before anything that stands on it is made or taken away. What is brought in is `none` in the plan afterwards.
/// Errors: invalid_argument, with the place of each image that can't be imported - then all images are as they were before;
/// deadline_exceeded - what is under way goes on.
Status import_images(client::Client& client, const Invocation& invocation, const model::NovaFile& file,
                     std::vector<PlannedChange>& plan, base::Deadline deadline);

} // namespace nova::app
