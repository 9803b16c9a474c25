#include "control/plugs.h"

#include "base/strings.h"
#include "control/workload.h"
#include "model/cidr.h"

namespace nova::control {

std::string switch_name(const std::string& space, const std::string& network)
{
    return space == "default" ? network : space + "." + network;
}

std::string address_scope(const std::string& space, const std::string& network)
{
    return "address/" + space + "." + network;
}

std::string derived_mac(const std::string& instance, const std::string& id)
{
    return model::derive_mac(instance + "/" + id);
}

std::string link_name(const std::string& instance, const std::string& id)
{
    return "nv" + base::to_hex(base::stable_hash(instance + "/" + id), 12);
}

Result<Plug> Plugs::ensure(const model::Key& workload, const std::string& network_name, const std::string& mac)
{
    auto const network = TRY(context_.store.get<model::Network>(workload.space, network_name).context("plug into " + network_name));
    if (network.status.phase != "Active" || network.meta.deleted)
        return base::Error{base::Code::unavailable, "network " + network_name + " is not active yet"};
    auto const subnet = TRY(model::parse_subnet(network.status.subnet));
    auto const id = workload_id(workload);

    Plug plug;
    plug.address = TRY(claim_address(network, network.status.subnet, id, workload.kind == "VirtualMachine"));
    plug.domain = network_name + ".nova.internal";
    plug.endpoint.id = id;
    plug.endpoint.bridge = network.status.bridge;
    plug.endpoint.link = link_name(context_.places.instance, id);
    plug.endpoint.mac = mac.empty() ? derived_mac(context_.places.instance, id) : mac;
    plug.endpoint.address = plug.address + "/" + std::to_string(subnet.prefix);
    plug.endpoint.gateway = network.spec.profile == "internal" ? "" : network.status.gateway;
    return plug;
}

Result<std::string> Plugs::claim_address(const model::Network& network, const std::string& subnet_text, const std::string& owner,
                                         bool dhcp)
{
    auto const subnet = TRY(model::parse_subnet(subnet_text));
    auto const gateway = TRY(model::parse_ipv4(network.status.gateway));
    std::optional<model::AddressRange> pool;
    if (!network.spec.dhcp_range.empty())
        pool = TRY(model::parse_address_range(network.spec.dhcp_range));

    // Guests that ask get an address of the range they expect; capsules keep out of it while there is room elsewhere.
    auto const candidate = [&](std::size_t i) -> std::optional<std::string> {
        std::uint64_t const hosts = subnet.size() - 2;
        if (i >= 2 * hosts)
            return std::nullopt;
        auto const address = subnet.host(1 + i % hosts);
        bool const in_pool = pool && pool->contains(address);
        bool const first_choice = i < hosts;
        if (address == gateway || (pool && first_choice && in_pool != dhcp))
            return model::to_string(gateway); // Held by the network itself, so it is passed over.
        return model::to_string(address);
    };
    auto const scope = address_scope(network.meta.space, network.meta.name);
    TRY(context_.claims.ensure(scope, "gateway", [&](std::size_t) { return std::optional{model::to_string(gateway)}; }));
    return context_.claims.ensure(scope, owner, candidate).context("an address on " + network.meta.name);
}

Status Plugs::release(const model::Key& workload, const std::string& network)
{
    auto const id = workload_id(workload);
    network::EndpointPlan endpoint;
    endpoint.id = id;
    endpoint.link = link_name(context_.places.instance, id);
    TRY(context_.drivers.networks.remove_endpoint(endpoint));
    return context_.claims.release(address_scope(workload.space, network), id);
}

} // namespace nova::control
