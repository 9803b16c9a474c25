#pragma once

#include <string>

#include "vm/hypervisor.h"

namespace nova::vm {

/// A machine's config.yaml, in YAVE's form: name, hardware (memory in MiB), drives, networks; paths relative to the file. It is
/// for people and their scripts: Nova writes it and never reads it.
std::string make_config_yaml(const MachinePlan& plan);

} // namespace nova::vm
