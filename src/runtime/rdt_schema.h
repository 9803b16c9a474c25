#pragma once

#include <string>
#include <string_view>

#include "model/oci_config.h"

namespace nova::runtime {

/// What goes into a class's schemata file, in the order that the specification says. Empty: nothing is to be written.
std::string schemata_text(const model::oci::IntelRdt& wish);

/// The first thing in which what is wished for ("L3:0=ff;1=f0", lines of it) is not what a class has: "L3:1 is f, not f0"; empty
/// where all holds. Caches that the wish does not name may have any value. `bandwidth_step`: memory bandwidth was rounded up by
/// the kernel to a multiple of it; 0 where that is not known.
std::string schema_difference(std::string_view wish, std::string_view held, unsigned bandwidth_step);

} // namespace nova::runtime
