#pragma once

#include <string>

#include "network/bridge.h"

namespace nova::network {

/// Has this network namespace forward IPv4. Where it did not, a file in `directory` says so, for this boot and this namespace.
Status ensure_forwarding(const std::string& directory);

/// When no switch of ours needs it any more: sets back what ensure_forwarding found, if it is as we set it. Left on where links
/// of others are there that live from forwarding (bridges, tunnels): they may have come since, and nobody says what they found.
Status release_forwarding(const std::string& directory, const Links& links);

} // namespace nova::network
