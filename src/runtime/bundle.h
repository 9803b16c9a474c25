#pragma once

#include <string>
#include <vector>

#include "runtime/capsules.h"

namespace nova::runtime {

/// Capabilities that a container has unless it asks for more: those of Docker.
const std::vector<std::string>& default_capabilities();

/// The config.json of a capsule.
std::string config_json(const CapsulePlan& plan);

} // namespace nova::runtime
