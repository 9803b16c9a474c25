#pragma once

#include <optional>
#include <string>

#include "network/networks.h"

namespace nova::network {

/// What a link of ours says about itself in its alias, which the kernel keeps for us: whose it is and what it is for. A link
/// without the mark of this Nova is somebody else's and is never changed or removed.
///   nova:INSTANCE:switch:NAME                      a bridge
///   nova:INSTANCE:port:BRIDGE:ID:FINGERPRINT       a veth or tap; the fingerprint is that of the plan it was finished for
struct Mark {
    enum class Kind { bridge, port };
    Kind kind = Kind::bridge;
    std::string name;        ///< The switch's name, or the endpoint's id.
    std::string bridge;      ///< port: the bridge it belongs to.
    std::string fingerprint; ///< port: "-" while it is being made.
};

/// nullopt: not ours.
std::optional<Mark> parse_mark(const std::string& instance, const std::string& alias);

std::string switch_mark(const std::string& instance, const std::string& name);
std::string port_mark(const std::string& instance, const EndpointPlan& plan);
std::string unfinished_port_mark(const std::string& instance, const EndpointPlan& plan);

} // namespace nova::network
