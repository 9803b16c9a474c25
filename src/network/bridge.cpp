#include "network/bridge.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "model/cidr.h"
#include "network/subnet.h"
#include "sys/sysctl.h"

namespace nova::network {

using base::Code;
using base::Error;

namespace {

/// A MAC of its own keeps the bridge's address, and so its neighbours' caches, stable while ports come and go. An external bridge
/// takes that of the interface, which its network may know.
std::string mac_of(const std::string& instance, const SwitchPlan& plan)
{
    return plan.profile == Profile::external ? std::string{} : model::derive_mac(instance + " " + plan.name);
}

std::string address_of(const SwitchPlan& plan)
{
    if (plan.gateway.empty())
        return {};
    return plan.gateway + "/" + std::to_string(model::parse_subnet(plan.subnet).value().prefix); // check_plan has seen it.
}

bool is_listed(const std::vector<std::string>& names, const std::string& name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string describe(const sys::Link& link) { return link.kind.empty() ? "an interface" : "a link of kind " + link.kind; }

/// An interface of the host that an external switch is to take.
Status check_interface(const Links& links, const SwitchPlan& plan, const std::string& name,
                       const std::vector<sys::LinkAddress>& addresses)
{
    auto const* const link = links.find(name);
    if (link == nullptr)
        return Error{Code::failed_precondition, "this host has no interface " + name};
    auto const* const bridge = links.find(plan.bridge);
    if (link->master != 0 && (bridge == nullptr || link->master != bridge->index))
        return Error{Code::failed_precondition, "interface " + name + " is a port of another bridge"};
    if (link->master == 0)
        for (const auto& address : addresses)
            if (address.index == link->index && !address.text.starts_with("fe80:"))
                return Error{Code::failed_precondition, "interface " + name + " has the address " + address.text +
                                                            ": on a bridge it would not work, and the host might be cut off"};
    return base::done();
}

bool has_address(const std::vector<sys::LinkAddress>& addresses, int index, const std::string& text)
{
    return std::find(addresses.begin(), addresses.end(), sys::LinkAddress{index, text}) != addresses.end();
}

Status ensure_addresses(sys::Netlink& netlink, const sys::Link& bridge, const SwitchPlan& plan)
{
    auto const wanted = address_of(plan);
    auto const addresses = TRY(sys::list_addresses(netlink));
    for (const auto& there : addresses)
        if (there.index == bridge.index && there.text != wanted && there.text.find(':') == std::string::npos)
            TRY(sys::remove_address(netlink, bridge.index, there.text));
    if (wanted.empty() || has_address(addresses, bridge.index, wanted))
        return base::done();
    return sys::ensure_address(netlink, bridge.index, wanted);
}

/// True where the link shall be a port of the plan's bridge.
bool belongs(const Links& links, const sys::Link& link, const SwitchPlan& plan)
{
    auto const mark = links.mark_of(link);
    if (mark)
        return mark->kind == Mark::Kind::port && mark->bridge == plan.bridge;
    return is_listed(plan.interfaces, link.name);
}

Status ensure_ports(sys::Netlink& netlink, const Links& links, const sys::Link& bridge, const SwitchPlan& plan)
{
    for (const auto& link : links.all()) {
        bool const wanted = belongs(links, link, plan);
        if (wanted && link.master != bridge.index)
            TRY(sys::set_link_master(netlink, link.index, bridge.index).context(link.name));
        if (wanted && !link.up)
            TRY(sys::set_link_up(netlink, link.index, true).context(link.name));
        if (!wanted && link.master == bridge.index)
            TRY(sys::set_link_master(netlink, link.index, 0).context(link.name));
    }
    return base::done();
}

} // namespace

Result<Links> Links::look(sys::Netlink& netlink, std::string instance)
{
    Links links;
    links.instance_ = std::move(instance);
    links.all_ = TRY(sys::list_links(netlink));
    return links;
}

const sys::Link* Links::find(const std::string& name) const
{
    auto const found = std::find_if(all_.begin(), all_.end(), [&](const auto& link) { return link.name == name; });
    return found == all_.end() ? nullptr : &*found;
}

const sys::Link* Links::find_switch(const std::string& name) const
{
    auto const found = std::find_if(all_.begin(), all_.end(), [&](const auto& link) {
        auto const mark = mark_of(link);
        return mark && mark->kind == Mark::Kind::bridge && mark->name == name;
    });
    return found == all_.end() ? nullptr : &*found;
}

Status check_bridge(sys::Netlink& netlink, const Links& links, const SwitchPlan& plan)
{
    auto const* const link = links.find(plan.bridge);
    auto const mark = link == nullptr ? std::nullopt : links.mark_of(*link);
    if (link != nullptr && (!mark || mark->kind != Mark::Kind::bridge || mark->name != plan.name))
        return Error{Code::already_exists,
                     "bridge: this host has " + describe(*link) + " of this name, which is not ours: " + plan.bridge};
    auto const addresses = TRY(sys::list_addresses(netlink));
    for (const auto& interface : plan.interfaces)
        TRY(check_interface(links, plan, interface, addresses));
    auto const* const earlier = links.find_switch(plan.name);
    if (plan.subnet.empty() || (earlier != nullptr && has_address(addresses, earlier->index, address_of(plan))))
        return base::done();
    auto const routes = TRY(sys::list_routes(netlink));
    return check_routes(plan.subnet, earlier == nullptr ? plan.bridge : earlier->name, routes, links.all());
}

Result<sys::Link> ensure_bridge(sys::Netlink& netlink, const std::string& instance, const SwitchPlan& plan)
{
    auto links = TRY(Links::look(netlink, instance));
    if (auto const* const earlier = links.find_switch(plan.name); earlier != nullptr && earlier->name != plan.bridge)
        TRY(sys::remove_link(netlink, earlier->index)); // The plan has given the bridge another name.
    bool const absent = links.find(plan.bridge) == nullptr;
    if (absent)
        TRY(sys::create_bridge(netlink, {plan.bridge, switch_mark(instance, plan.name), mac_of(instance, plan), plan.stp}));
    auto const bridge = TRY(sys::get_link(netlink, plan.bridge));
    if (bridge.stp != plan.stp)
        TRY(sys::set_stp(netlink, bridge.index, plan.stp));
    if (absent)
        TRY(sys::disable_link_ipv6(netlink, bridge.index));
    TRY(ensure_addresses(netlink, bridge, plan));
    if (!bridge.up)
        TRY(sys::set_link_up(netlink, bridge.index, true));
    TRY(ensure_ports(netlink, links, bridge, plan));
    return bridge;
}

Result<bool> has_planned_address(sys::Netlink& netlink, const sys::Link& bridge, const SwitchPlan& plan)
{
    auto const wanted = address_of(plan);
    return wanted.empty() || has_address(TRY(sys::list_addresses(netlink)), bridge.index, wanted);
}

Status ensure_bridge_settings(const SwitchPlan& plan)
{
    bool const local = std::any_of(plan.ports.begin(), plan.ports.end(), [](const PublishedPort& port) {
        return port.host_ip.empty() || port.host_ip == "0.0.0.0" || port.host_ip.starts_with("127.");
    });
    return sys::ensure_sysctl("net/ipv4/conf/" + plan.bridge + "/route_localnet", local ? "1" : "0");
}

Status remove_bridge(sys::Netlink& netlink, const std::string& instance, const std::string& name)
{
    auto const links = TRY(Links::look(netlink, instance));
    auto const* const bridge = links.find_switch(name);
    if (bridge == nullptr)
        return base::done();
    return sys::remove_link(netlink, bridge->index).context("remove bridge " + bridge->name); // Its ports stay, without a bridge.
}

} // namespace nova::network
