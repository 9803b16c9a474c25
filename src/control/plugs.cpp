#include "control/plugs.h"

#include <algorithm>

#include "base/strings.h"
#include "control/workload.h"
#include "model/cidr.h"

namespace nova::control {

std::string switch_name(const std::string& space, const std::string& network)
{
    return space == "default" ? network : space + "--" + network;
}

std::string address_scope(const std::string& space, const std::string& network) { return "address/" + space + "." + network; }

std::string derived_mac(const std::string& instance, const std::string& id) { return model::derive_mac(instance + "/" + id); }

std::string link_name(const std::string& instance, const std::string& id)
{
    return "nv" + base::to_hex(base::stable_hash(instance + "/" + id), 12);
}

std::vector<network::PublishedPort> ports_of(const model::Pod& pod, const std::string& address)
{
    std::vector<network::PublishedPort> ports;
    if (!pod.spec.running || pod.spec.containers.empty())
        return ports;
    for (const auto& port : pod.spec.containers.front().ports)
        if (port.host_port != 0)
            ports.push_back({port.host_ip, port.host_port, address, port.container_port, port.protocol == "UDP" ? "udp" : "tcp"});
    return ports;
}

Status Plugs::check_ports(const model::Pod& pod, const Plug& plug)
{
    auto const name = switch_name(pod.meta.space, pod.spec.network);
    for (const auto& port : ports_of(pod, plug.address))
        TRY(context_.drivers.networks.check_port(name, port));
    return base::done();
}

Result<Plug> Plugs::plan(const model::Key& workload, const std::string& network_name, const std::string& mac)
{
    auto const found = context_.store.get<model::Network>(workload.space, network_name);
    if (base::failed_with(found, base::Code::not_found))
        return base::Error{base::Code::unavailable, "there is no network " + network_name};
    auto const network = TRY(found);
    if (network.status.phase != "Active" || network.meta.deleted)
        return base::Error{base::Code::unavailable, "network " + network_name + " is not active yet"};
    auto const subnet = TRY(model::parse_subnet(network.status.subnet).context("plug into " + network_name));
    auto const id = workload_id(workload);

    Plug plug;
    plug.address = TRY(claim_address(network, network.status.subnet, id, workload.kind == "VirtualMachine"));
    plug.domain = network_name + ".nova.internal";
    plug.gateway = network.status.gateway;
    plug.endpoint.id = id;
    plug.endpoint.bridge = network.status.bridge;
    plug.endpoint.link = link_name(context_.places.instance, id);
    plug.endpoint.mac = mac.empty() ? derived_mac(context_.places.instance, id) : mac;
    plug.endpoint.address = plug.address + "/" + std::to_string(subnet.prefix);
    plug.endpoint.gateway = network.spec.profile == "internal" ? "" : network.status.gateway;
    plug.known = std::ranges::any_of(network.status.attachments, [&](const auto& attachment) {
        return attachment.link == plug.endpoint.link && attachment.address == plug.address && attachment.mac == plug.endpoint.mac;
    });
    return plug;
}

base::Error Plugs::explained(const model::Key& network, base::Error error)
{
    if (error.code() != base::Code::failed_precondition)
        return std::move(error).context("plug into " + network.name);
    // Its bridge is gone: the network makes it anew, when asked.
    if (context_.wake)
        context_.wake(network);
    return base::Error{base::Code::unavailable, "plug into " + network.name + ": " + error.message()};
}

Result<Plug> Plugs::ensure_capsule(const model::Key& workload, const std::string& network)
{
    auto plug = TRY(plan(workload, network, ""));
    auto joined = context_.drivers.networks.ensure_capsule(plug.endpoint);
    if (!joined.ok())
        return explained({"Network", workload.space, network}, joined.error());
    plug.network_namespace = joined.value();
    return plug;
}

Result<Plug> Plugs::ensure_tap(const model::Key& workload, const std::string& network, const std::string& mac)
{
    auto plug = TRY(plan(workload, network, mac));
    if (auto const made = context_.drivers.networks.ensure_tap(plug.endpoint); !made.ok())
        return explained({"Network", workload.space, network}, made.error());
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
        std::uint64_t const hosts = subnet.size() > 2 ? subnet.size() - 2 : 0;
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
    TRY(context_.claims.ensure(scope, "gateway",
                               [&](std::size_t i) { return i == 0 ? std::optional{model::to_string(gateway)} : std::nullopt; }));
    auto address = TRY(context_.claims.ensure(scope, owner, candidate).context("an address on " + network.meta.name));
    auto const held = model::parse_ipv4(address);
    if (held.ok() && subnet.contains_host(held.value()) && held.value() != gateway)
        return address;
    TRY(context_.claims.release(scope, owner)); // From a subnet that the network had before.
    return context_.claims.ensure(scope, owner, candidate).context("an address on " + network.meta.name);
}

Status Plugs::leave_others(const model::Key& workload, const std::string& network)
{
    auto const id = workload_id(workload);
    auto scopes = TRY(context_.claims.scopes_of("address", id));
    if (!network.empty())
        scopes.erase(address_scope(workload.space, network));
    if (!scopes.empty())
        TRY(unplug(workload)); // Before the claims, which tell that there is something to unplug.
    for (const auto& scope : scopes)
        TRY(context_.claims.release(scope, id));
    return base::done();
}

Status Plugs::unplug(const model::Key& workload)
{
    network::EndpointPlan endpoint;
    endpoint.id = workload_id(workload);
    endpoint.link = link_name(context_.places.instance, endpoint.id);
    return context_.drivers.networks.remove_endpoint(endpoint);
}

Status Plugs::release(const model::Key& workload)
{
    TRY(unplug(workload));
    return leave_others(workload, "");
}

} // namespace nova::control
