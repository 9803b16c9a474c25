#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// A set of capabilities: bit n stands for capability number n.
using CapabilityBits = std::uint64_t;

struct CapabilitySets {
    CapabilityBits bounding = 0;
    CapabilityBits effective = 0;
    CapabilityBits inheritable = 0;
    CapabilityBits permitted = 0;
    CapabilityBits ambient = 0;
};

/// "CAP_NET_ADMIN" to its bit; empty where this program does not know it.
std::optional<CapabilityBits> find_capability(std::string_view name);

/// "CAP_CHOWN" for 0. `number`: 0 to 40.
std::string_view capability_name(int number);

/// Every capability that this kernel knows.
CapabilityBits known_capabilities();

/// Those that this process may use now.
Result<CapabilityBits> effective_capabilities();

/// Drops from the bounding set all that is not in `kept`. Needs CAP_SETPCAP.
Status limit_bounding_set(CapabilityBits kept);

/// Keeps the permitted set over a change of user (until exec).
Status keep_capabilities_over_setuid();

/// Sets effective, permitted, inheritable, and then ambient (as far as permitted and inheritable allow).
/// Errors: permission_denied - more than the process has.
Status set_capabilities(const CapabilitySets& sets);

} // namespace nova::sys
