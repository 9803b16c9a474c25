#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace nova::sys {

using base::Status;

enum class Transport { tcp, udp };

/// Whether no program of this network namespace listens there at this moment. Takes nothing and keeps nothing.
/// `address` empty: on every address. Errors: already_exists - somebody does; not_found - this host has no such address.
Status check_port_free(Transport transport, const std::string& address, std::uint16_t port);

} // namespace nova::sys
