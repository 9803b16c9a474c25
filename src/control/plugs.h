#pragma once

#include <optional>
#include <string>

#include "control/drivers.h"

namespace nova::control {

/// How a workload hangs on its network.
struct Plug {
    network::EndpointPlan endpoint;
    std::string address; ///< Without the prefix length.
    std::string domain;  ///< "lab.nova.internal"
};

/// "lab", or "space.lab" outside the default namespace: what the network drivers call a Network.
std::string switch_name(const std::string& space, const std::string& network);

/// Gives each workload its address, its link's name and its MAC. Addresses are claims: the workload keeps its own until it is
/// deleted, across restarts of everything.
class Plugs {
public:
    explicit Plugs(Context& context) : context_(context) {}

    /// Errors: not_found - no such Network; unavailable - it is not active yet; resource_exhausted - no address is left.
    Result<Plug> ensure(const model::Key& workload, const std::string& network, const std::string& mac);

    Status release(const model::Key& workload, const std::string& network);

private:
    Result<std::string> claim_address(const model::Network& network, const std::string& subnet, const std::string& owner, bool dhcp);

    Context& context_;
};

/// The scope of the claims on a network's addresses; an owner is a workload's id.
std::string address_scope(const std::string& space, const std::string& network);

/// "52:54:" and four bytes that follow from instance and id: stable, and different for each workload.
std::string derived_mac(const std::string& instance, const std::string& id);

/// Name of the host side of a workload's link.
std::string link_name(const std::string& instance, const std::string& id);

} // namespace nova::control
