#pragma once

#include <string>

namespace nova::vm {

/// A machine's MAC address where it asks for none: 52:54: and four bytes derived from its space and name, so that it keeps its
/// DHCP address over re-creation. Of 10,000 machines, two share one with a chance of 1 %.
std::string derive_mac(const std::string& space, const std::string& name);

/// A link name for a machine's tap: "nv" and 10 hexadecimal digits from space and name: fits the kernel's 15 characters, and is
/// the same each time. `root` keeps two instances on one host apart.
std::string derive_tap_name(const std::string& root, const std::string& space, const std::string& name);

} // namespace nova::vm
