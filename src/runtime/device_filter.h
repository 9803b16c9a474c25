#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"

namespace nova::runtime {

/// What every container may use: mknod of anything, and null, zero, full, tty, random, urandom, console, ptmx and its terminals.
const std::vector<model::oci::DeviceRule>& default_device_rules();

/// "c 1:3 rwm", as the devices controller of cgroup version 1 takes it.
std::string to_legacy_rule(const model::oci::DeviceRule& rule);

} // namespace nova::runtime
