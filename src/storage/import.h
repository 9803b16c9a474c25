#pragma once

#include <string>

#include "storage/store_files.h"

namespace nova::storage {

/// Gathers an image and its layers in `staged`, an empty directory of the store's staging; puts nothing into place.
/// Returns the hex of its manifest. Needs the lock, shared.
Result<std::string> stage_image(const StoreFiles& store, const std::string& staged, const std::string& source,
                                const std::string& reference, const ImportReport& report);

} // namespace nova::storage
