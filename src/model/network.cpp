#include <algorithm>
#include <array>

#include "model/cidr.h"
#include "model/description.h"
#include "model/kinds.h"

namespace nova::model {
namespace {

Rule subnet_rule()
{
    return string_rule("an IPv4 subnet with a prefix of 8 to 30 (10.88.0.0/24)", [](const std::string& text) {
        auto const subnet = parse_subnet(text);
        return subnet.ok() && subnet.value().prefix >= 8 && subnet.value().prefix <= 30;
    });
}

/// Addresses of no network's hosts: of a host that has none yet, of the host itself, those that hosts give themselves where
/// nobody serves them, of groups, and those kept for later, the broadcast address among them.
bool is_of_no_network(const Subnet& subnet)
{
    constexpr std::array reserved = {Subnet{{0x00000000}, 8}, Subnet{{0x7f000000}, 8}, Subnet{{0xa9fe0000}, 16},
                                     Subnet{{0xe0000000}, 3}};
    return std::any_of(reserved.begin(), reserved.end(), [&](const Subnet& other) { return subnet.overlaps(other); });
}

void check_addresses(const NetworkSpec& spec, Problems& problems)
{
    auto const subnet = parse_subnet(spec.subnet).value();
    if (is_of_no_network(subnet))
        return problems.add_at("subnet",
                               to_string(subnet) + " is reserved: take one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16");
    auto const inside = [&](Ipv4 address) { return subnet.contains_host(address); };
    if (subnet.has_host_part() && !inside(subnet.address))
        problems.add_at("subnet", to_string(subnet.address) + " is the broadcast address and can't be the gateway");
    auto const gateway = parse_ipv4(spec.gateway).value_or(subnet.gateway());
    if (!inside(gateway))
        problems.add_at("gateway", to_string(gateway) + " is no host's address in the subnet " + to_string(subnet.canonical()));
    else if (subnet.has_host_part() && gateway != subnet.address)
        problems.add_at("gateway", "is " + to_string(gateway) + ", but subnet says " + to_string(subnet.address));
    if (spec.dhcp_range.empty())
        return;
    auto const range = parse_address_range(spec.dhcp_range);
    if (range.ok() && !(inside(range.value().first) && inside(range.value().last)))
        problems.add_at("dhcpRange", spec.dhcp_range + " is not inside the subnet " + to_string(subnet.canonical()));
}

void check(const NetworkSpec& spec, Problems& problems)
{
    if (!spec.dhcp_range.empty())
        if (auto const range = parse_address_range(spec.dhcp_range); !range.ok())
            problems.add_at("dhcpRange", range.error().message());
    if (!spec.subnet.empty())
        return check_addresses(spec, problems);
    if (!spec.gateway.empty())
        problems.add_at("gateway", "needs a subnet");
    if (!spec.dhcp_range.empty())
        problems.add_at("dhcpRange", "needs a subnet");
}

void check_profile(const NetworkSpec& spec, Problems& problems)
{
    if (spec.type != "bridge" && spec.type != "overlay" &&
        (!spec.subnet.empty() || !spec.interfaces.empty() || !spec.uplink.empty()))
        problems.add_at("type", "\"" + spec.type + "\" has no subnet, interfaces or uplink of its own");
    if (spec.type == "bridge" && !spec.driver.empty())
        problems.add_at("driver", "needs type \"overlay\"");
    if (spec.profile == "internal" && (!spec.interfaces.empty() || !spec.uplink.empty()))
        problems.add_at("profile", "\"internal\" leads nowhere: it has no interfaces and no uplink");
    check(spec, problems);
}

void fill(NetworkSpec& spec)
{
    auto const subnet = parse_subnet(spec.subnet);
    if (subnet.ok() && spec.gateway.empty())
        spec.gateway = to_string(subnet.value().gateway());
}

} // namespace

const Description& describe(const NetworkSpec*)
{
    static auto const description = describe_as<NetworkSpec>(
        {
            field("type", &NetworkSpec::type,
                  "What carries it: a bridge on this host, an overlay between hosts, the host's own network, or nothing.")
                .one_of({"bridge", "overlay", "host", "none"})
                .column("TYPE"),
            field("profile", &NetworkSpec::profile,
                  "How far it reaches: its members only, the uplink's own network, or out by address translation.")
                .one_of({"internal", "external", "nat"})
                .column("PROFILE"),
            field("subnet", &NetworkSpec::subnet, "Its addresses. A host part names the gateway. Empty: Nova picks one.")
                .must_be(subnet_rule()),
            field("gateway", &NetworkSpec::gateway, "The bridge's own address. Default: the first of the subnet.")
                .must_be(ipv4_address()),
            field("dhcpRange", &NetworkSpec::dhcp_range,
                  "First and last address that DHCP gives, with '-' between. Empty: no DHCP."),
            field("dns", &NetworkSpec::dns, "Whether the names of its workloads resolve."),
            field("interfaces", &NetworkSpec::interfaces, "Links of the host that are put onto the bridge.")
                .must_be(link_name())
                .must_be(no_kernel_link()),
            field("uplink", &NetworkSpec::uplink, "The link by which nat leaves the host. Empty: as the host routes.")
                .must_be(link_name())
                .must_be(no_kernel_link()),
            field("driver", &NetworkSpec::driver, "What carries an overlay.")
                .must_be(string_rule("quic or vxlan",
                                     [](const std::string& driver) { return driver == "quic" || driver == "vxlan"; })),
            field("bridge", &NetworkSpec::bridge, "Name of the link. Empty: the network's own name where it fits.")
                .must_be(link_name())
                .must_be(no_kernel_link()),
            field("stp", &NetworkSpec::stp, "Whether the bridge runs the spanning tree protocol."),
        },
        check_profile, fill);
    return description;
}

const Description& describe(const Attachment*)
{
    static auto const description = describe_as<Attachment>({
        field("kind", &Attachment::kind, "Pod or VirtualMachine."),
        field("name", &Attachment::name, "The workload."),
        field("address", &Attachment::address, "Its address here."),
        field("mac", &Attachment::mac, "Its hardware address."),
        field("link", &Attachment::link, "The host's end: a veth or a tap."),
    });
    return description;
}

const Description& describe(const NetworkStatus*)
{
    static auto const description = describe_as<NetworkStatus>({
        field("phase", &NetworkStatus::phase, "Pending, Active, Failed or Terminating.").column("STATUS"),
        field("bridge", &NetworkStatus::bridge, "The link that was made.").column("BRIDGE", 1),
        field("subnet", &NetworkStatus::subnet, "The subnet in use.").column("SUBNET"),
        field("gateway", &NetworkStatus::gateway, "The bridge's address.").column("GATEWAY"),
        field("attachments", &NetworkStatus::attachments, "Who is on it."),
        field("conditions", &NetworkStatus::conditions, "What is going on, in words."),
        field("observedGeneration", &NetworkStatus::observed_generation, "The generation that this status is about."),
    });
    return description;
}

const Description& describe(const Network*)
{
    static auto const description = describe_as<Network>({
        field("metadata", &Network::meta, "Name, labels and history.").required(),
        field("spec", &Network::spec, "What it shall be."),
        field("status", &Network::status, "What it is."),
    });
    return description;
}

const KindDescription& describe_kind(const Network* network)
{
    static KindDescription const kind{{"nanocloud.io",
                                       "v1",
                                       "Network",
                                       "networks",
                                       "network",
                                       {"net"},
                                       true,
                                       "A switch that workloads are attached to, with its addresses and its way out.",
                                       {}},
                                      &describe(network)};
    return kind;
}

} // namespace nova::model
