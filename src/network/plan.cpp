#include "network/plan.h"

#include <nlohmann/json.hpp>

#include "base/link_name.h"
#include "base/strings.h"
#include "model/cidr.h"
#include "sys/link.h"

namespace nova::network {

using base::Code;
using base::Error;
using nlohmann::json;

namespace {

constexpr auto state_version = 1;
constexpr auto most_hosts = 65536u;
constexpr auto most_ports = 16384u;
constexpr auto longest_id = 200u; // It stands in a link's alias, which holds 255 characters.

Status refuse(const std::string& field, const std::string& why) { return Error{Code::invalid_argument, field + ": " + why}; }

Status check_link(const std::string& field, const std::string& name)
{
    return base::is_link_name(name) ? base::done() : refuse(field, "not a name of a link: \"" + name + "\"");
}

Status check_addresses(const SwitchPlan& plan)
{
    if (plan.profile == Profile::external && plan.subnet.empty())
        return plan.gateway.empty() ? base::done() : refuse("gateway", "needs a subnet");
    auto const subnet = TRY(model::parse_subnet(plan.subnet).context("subnet"));
    if (subnet.prefix < 8 || subnet.prefix > 30)
        return refuse("subnet", "must be /8 to /30, is " + plan.subnet);
    if (!subnet.contains_host(TRY(model::parse_ipv4(plan.gateway).context("gateway"))))
        return refuse("gateway", plan.gateway + " is no address of a host in " + plan.subnet);
    if (plan.dhcp_first.empty() != plan.dhcp_last.empty())
        return refuse("dhcp_range", "needs a first and a last address");
    if (plan.dhcp_first.empty())
        return base::done();
    auto const first = TRY(model::parse_ipv4(plan.dhcp_first).context("dhcp_first"));
    auto const last = TRY(model::parse_ipv4(plan.dhcp_last).context("dhcp_last"));
    if (!subnet.contains_host(first) || !subnet.contains_host(last) || last < first)
        return refuse("dhcp_range", plan.dhcp_first + "-" + plan.dhcp_last + " is no range in " + plan.subnet);
    return base::done();
}

Status check_host(const SwitchPlan& plan, const Host& host)
{
    if (!base::is_dns_label(host.name))
        return refuse("hosts", "not a DNS label: \"" + host.name + "\"");
    if (plan.profile == Profile::external) // Its addresses are given by others, and its names too.
        return base::done();
    auto const subnet = TRY(model::parse_subnet(plan.subnet).context("subnet"));
    if (!subnet.contains_host(TRY(model::parse_ipv4(host.address).context("hosts"))))
        return refuse("hosts", host.name + ": " + host.address + " is outside " + plan.subnet);
    if (!host.mac.empty())
        TRY(sys::parse_mac(host.mac).context("hosts: " + host.name));
    return base::done();
}

Status check_port(const SwitchPlan& plan, const PublishedPort& port)
{
    if (plan.profile == Profile::external)
        return refuse("ports", "workloads of an external network are reached directly");
    if (port.host_port == 0 || port.port == 0)
        return refuse("ports", "must be 1 to 65535, is 0");
    if (port.protocol != "tcp" && port.protocol != "udp")
        return refuse("ports", "protocol must be tcp or udp, is \"" + port.protocol + "\"");
    if (!port.host_ip.empty())
        TRY(model::parse_ipv4(port.host_ip).context("ports: host_ip"));
    auto const subnet = TRY(model::parse_subnet(plan.subnet).context("subnet"));
    if (!subnet.contains_host(TRY(model::parse_ipv4(port.address).context("ports"))))
        return refuse("ports", port.address + " is outside " + plan.subnet);
    return base::done();
}

bool any_address(const PublishedPort& port) { return port.host_ip.empty() || port.host_ip == "0.0.0.0"; }

bool collide(const PublishedPort& one, const PublishedPort& other)
{
    return one.host_port == other.host_port && one.protocol == other.protocol &&
           (any_address(one) || any_address(other) || one.host_ip == other.host_ip);
}

Status check_ports_of(const SwitchPlan& plan)
{
    for (std::size_t i = 0; i < plan.ports.size(); ++i) {
        TRY(check_port(plan, plan.ports[i]));
        for (std::size_t j = 0; j < i; ++j)
            if (collide(plan.ports[i], plan.ports[j]))
                return refuse("ports",
                              std::to_string(plan.ports[i].host_port) + "/" + plan.ports[i].protocol + " is published twice");
    }
    return base::done();
}

} // namespace

std::string_view to_string(Profile profile)
{
    switch (profile) {
    case Profile::internal: return "internal";
    case Profile::external: return "external";
    case Profile::nat: return "nat";
    }
    return "internal";
}

std::string domain_of(const SwitchPlan& plan) { return plan.name + ".nova.internal"; }

Status check_plan(const SwitchPlan& plan)
{
    if (!base::is_dns_label(plan.name))
        return refuse("name", "not a DNS label: \"" + plan.name + "\"");
    TRY(check_link("bridge", plan.bridge));
    if (!plan.uplink.empty())
        TRY(check_link("uplink", plan.uplink));
    for (const auto& interface : plan.interfaces)
        TRY(check_link("interfaces", interface));
    TRY(check_addresses(plan));
    if (plan.hosts.size() > most_hosts || plan.ports.size() > most_ports)
        return refuse("hosts", "too many hosts or ports");
    for (const auto& host : plan.hosts)
        TRY(check_host(plan, host));
    return check_ports_of(plan);
}

Status check_plan(const EndpointPlan& plan)
{
    auto const plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_'; };
    if (plan.id.empty() || plan.id.size() > longest_id || plan.id.front() == '.' ||
        !std::all_of(plan.id.begin(), plan.id.end(), plain))
        return refuse("id", "must be of letters, digits, '.', '-' and '_': \"" + plan.id + "\"");
    if (!plan.bridge.empty()) // Who takes it away need not know.
        TRY(check_link("bridge", plan.bridge));
    TRY(check_link("link", plan.link));
    if (!plan.mac.empty())
        TRY(sys::parse_mac(plan.mac).context("mac"));
    if (!plan.address.empty())
        TRY(model::parse_subnet(plan.address).context("address"));
    if (!plan.gateway.empty())
        TRY(model::parse_ipv4(plan.gateway).context("gateway"));
    return base::done();
}

Status check_beside(const SwitchPlan& plan, const std::vector<SwitchPlan>& others)
{
    for (const auto& other : others) {
        if (other.name == plan.name)
            continue;
        auto const taken = [&](const std::string& what) {
            return Error{Code::already_exists, what + " belongs to network " + other.name};
        };
        if (other.bridge == plan.bridge)
            return taken("bridge " + plan.bridge);
        if (!plan.subnet.empty() && !other.subnet.empty() &&
            TRY(model::parse_subnet(plan.subnet)).overlaps(TRY(model::parse_subnet(other.subnet))))
            return taken("subnet " + plan.subnet + " overlaps " + other.subnet + ", which");
        for (const auto& port : plan.ports)
            for (const auto& there : other.ports)
                if (collide(port, there))
                    return taken("port " + std::to_string(port.host_port) + "/" + port.protocol);
    }
    return base::done();
}

std::string print_plan(const SwitchPlan& plan)
{
    auto hosts = json::array();
    for (const auto& host : plan.hosts)
        hosts.push_back({{"name", host.name}, {"address", host.address}, {"mac", host.mac}});
    auto ports = json::array();
    for (const auto& port : plan.ports)
        ports.push_back({{"host_ip", port.host_ip},
                         {"host_port", port.host_port},
                         {"address", port.address},
                         {"port", port.port},
                         {"protocol", port.protocol}});
    nlohmann::ordered_json const document{{"version", state_version},
                                          {"name", plan.name},
                                          {"bridge", plan.bridge},
                                          {"profile", to_string(plan.profile)},
                                          {"subnet", plan.subnet},
                                          {"gateway", plan.gateway},
                                          {"dhcp_first", plan.dhcp_first},
                                          {"dhcp_last", plan.dhcp_last},
                                          {"dns", plan.dns},
                                          {"stp", plan.stp},
                                          {"uplink", plan.uplink},
                                          {"interfaces", plan.interfaces},
                                          {"hosts", hosts},
                                          {"ports", ports}};
    return document.dump(2) + "\n";
}

namespace {

Result<Profile> parse_profile(const std::string& text)
{
    for (auto const profile : {Profile::internal, Profile::external, Profile::nat})
        if (to_string(profile) == text)
            return profile;
    return Error{Code::invalid_argument, "profile: must be internal, external or nat, is \"" + text + "\""};
}

/// Throws what nlohmann throws where the shape is another.
SwitchPlan read_plan(const json& document)
{
    SwitchPlan plan;
    auto const text = [&](const char* key) { return document.value(key, std::string{}); };
    plan.name = text("name");
    plan.bridge = text("bridge");
    plan.subnet = text("subnet");
    plan.gateway = text("gateway");
    plan.dhcp_first = text("dhcp_first");
    plan.dhcp_last = text("dhcp_last");
    plan.dns = document.value("dns", true);
    plan.stp = document.value("stp", false);
    plan.uplink = text("uplink");
    plan.interfaces = document.value("interfaces", std::vector<std::string>{});
    for (const auto& host : document.value("hosts", json::array()))
        plan.hosts.push_back({host.at("name"), host.at("address"), host.value("mac", std::string{})});
    for (const auto& port : document.value("ports", json::array()))
        plan.ports.push_back({port.value("host_ip", std::string{}), port.at("host_port"), port.at("address"), port.at("port"),
                              port.value("protocol", std::string{"tcp"})});
    return plan;
}

} // namespace

Result<SwitchPlan> parse_plan(const std::string& text)
{
    try {
        auto const document = json::parse(text);
        if (!document.is_object() || document.value("version", 0) != state_version)
            return Error{Code::invalid_argument, "not the state of a switch, version " + std::to_string(state_version)};
        auto plan = read_plan(document);
        plan.profile = TRY(parse_profile(document.value("profile", std::string{})));
        TRY(check_plan(plan));
        return plan;
    } catch (const json::exception& problem) {
        return Error{Code::invalid_argument, problem.what()};
    }
}

} // namespace nova::network
