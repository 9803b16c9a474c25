#pragma once

#include <string>

#include "apps/nebulon/store.h"

namespace nova::nebulon {

/// Who runs what of a container: its own root for one from an image, its volumes, the config.json by which nb runs it.
/// `nebulon` is the path of our own program: nb calls it when the container has started and when it has ended.
/// Errors: not_found - its root, its image or a volume is gone.
Status write_bundle(const Store& store, const Container& container, const std::string& nebulon, bool terminal);

} // namespace nova::nebulon
