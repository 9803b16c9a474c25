#pragma once

#include <optional>
#include <string>

#include "control/drivers.h"

namespace nova::control {

/// How a workload hangs on its network.
struct Plug {
    network::EndpointPlan endpoint;
    std::string address;             ///< Without the prefix length.
    std::string domain;              ///< "lab.nova.internal"
    std::string gateway;             ///< The bridge's own address: where names are asked for.
    bool known = false;              ///< The network names and serves this address already.
    std::string network_namespace{}; ///< Capsules: the path to join.
};

/// "lab", or "space--lab" outside the default namespace: what the network drivers call a Network.
std::string switch_name(const std::string& space, const std::string& network);

/// Gives each workload its address, its link's name and its MAC. Addresses are claims: the workload keeps its own until it is
/// deleted, across restarts of everything.
class Plugs {
public:
    explicit Plugs(Context& context) : context_(context) {}

    /// Address, namespace and link in place. Errors: unavailable - there is no such Network, or it is not active (yet);
    /// resource_exhausted - no address is left.
    Result<Plug> ensure_capsule(const model::Key& workload, const std::string& network);
    Result<Plug> ensure_tap(const model::Key& workload, const std::string& network, const std::string& mac);

    /// Whether the ports that it publishes are to be had. Errors: failed_precondition - another program of this host has one.
    Status check_ports(const model::Pod& pod, const Plug& plug);

    /// Leaves what it hung on before its spec named this network (empty: none). For a workload that does not run.
    Status leave_others(const model::Key& workload, const std::string& network);

    Status unplug(const model::Key& workload);  ///< Takes the link away; the address stays its own.
    Status release(const model::Key& workload); ///< Gives the address back too.

private:
    Result<Plug> plan(const model::Key& workload, const std::string& network, const std::string& mac);
    /// An error of the drivers, told as what it means here.
    base::Error explained(const model::Key& network, base::Error error);
    Result<std::string> claim_address(const model::Network& network, const std::string& subnet, const std::string& owner,
                                      bool dhcp);

    Context& context_;
};

/// What a capsule that has this address publishes; nothing where it shall not run.
std::vector<network::PublishedPort> ports_of(const model::Pod& pod, const std::string& address);

/// How long until it is looked again whether a port that another program had is free.
constexpr std::chrono::milliseconds port_look{1000};

/// The scope of the claims on a network's addresses; an owner is a workload's id.
std::string address_scope(const std::string& space, const std::string& network);

/// "52:54:" and four bytes that follow from instance and id: stable, and different for each workload.
std::string derived_mac(const std::string& instance, const std::string& id);

/// Name of the host side of a workload's link.
std::string link_name(const std::string& instance, const std::string& id);

} // namespace nova::control
