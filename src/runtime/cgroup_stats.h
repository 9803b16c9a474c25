#pragma once

#include <string>

#include "sys/cgroup.h"

namespace nova::runtime {

/// One event of `nb events` as runc writes it and containerd and others read it: what a container uses now, as one line of JSON.
/// What this host does not count is 0 or left out. `rdt`: the member "intel_rdt", as JSON.
std::string stats_event(const std::string& id, const sys::Cgroup& cgroup, const std::string& rdt);

/// What the kernel says of waiting for "cpu", "memory" or "io", as members "some" and "full". Empty where it does not count that.
std::string pressure_json(const sys::Cgroup& cgroup, const std::string& resource);

} // namespace nova::runtime
