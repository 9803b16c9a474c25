#include "control/network_controller.h"

#include <algorithm>
#include <csignal>

#include "base/link_name.h"
#include "base/strings.h"
#include "control/conditions.h"
#include "control/plugs.h"
#include "model/cidr.h"

namespace nova::control {
namespace {

network::Profile profile_of(const model::Network& network)
{
    if (network.spec.profile == "internal")
        return network::Profile::internal;
    return network.spec.profile == "external" ? network::Profile::external : network::Profile::nat;
}

std::string owner_of(const model::Network& network) { return network.meta.space + "/" + network.meta.name; }

/// Whether it is what is asked for that does not fit this host: a link, a subnet or an interface that is somebody else's.
const char* reason_of(const base::Error& error)
{
    bool const conflict = error.code() == base::Code::already_exists || error.code() == base::Code::failed_precondition;
    return conflict ? "HostConflict" : "Failed";
}

template <typename Workload>
std::string chosen_mac(const Workload& workload)
{
    if constexpr (std::is_same_v<Workload, model::VirtualMachine>)
        return workload.spec.mac;
    else
        return {};
}

} // namespace

Result<Next> NetworkController::reconcile(const model::Key& key)
{
    auto found = context_.store.get<model::Network>(key.space, key.name);
    if (base::failed_with(found, base::Code::not_found))
        return Next::settled();
    auto network = TRY(std::move(found));
    auto outcome = network.meta.deleted ? tear_down(network) : step(network);
    if (outcome.ok() || outcome.error().code() == base::Code::aborted)
        return outcome;
    network.status.phase = network.meta.deleted ? "Terminating" : "Failed";
    auto const* const reason = reason_of(outcome.error());
    if (set_condition(network.status.conditions, "Ready", false, reason, outcome.error().message()))
        context_.events.warning(key, network.meta.uid, reason, outcome.error().message());
    TRY(context_.store.put_status(network));
    return outcome;
}

Result<Next> NetworkController::step(model::Network& network)
{
    network.status.observed_generation = network.meta.generation;
    if (network.spec.type == "none" || network.spec.type == "host") {
        network.status.phase = "Active";
        TRY(context_.store.put_status(network));
        return Next::settled();
    }
    auto [plan_now, ports_left_out] = TRY(plan(network));
    TRY(make_switch(network, plan_now).context("make switch " + plan_now.name));
    auto next = TRY(report_active(network, plan_now));
    if (ports_left_out)
        next.again_after = std::min(next.again_after.value_or(port_look), port_look);
    return next;
}

Status NetworkController::make_switch(const model::Network& network, network::SwitchPlan& plan)
{
    auto const ensured = context_.drivers.networks.ensure_switch(plan);
    if (!base::failed_with(ensured, base::Code::already_exists) || plan.bridge != network.meta.name ||
        !network.spec.bridge.empty())
        return ensured;
    // Somebody else's link has the name we chose: choose another, for good.
    auto const other = network.meta.name.substr(0, 10) + "-" + context_.places.instance.substr(0, 4);
    TRY(context_.claims.release("bridge", owner_of(network)));
    plan.bridge = TRY(context_.claims.ensure("bridge", owner_of(network), [&](std::size_t i) -> std::optional<std::string> {
        return i == 0 ? other : "br-" + base::to_hex(base::stable_hash(owner_of(network) + std::to_string(i)), 8);
    }));
    return context_.drivers.networks.ensure_switch(plan);
}

Result<std::string> NetworkController::claim_subnet(const model::Network& network)
{
    std::vector<model::Subnet> others;
    for (const auto& other : TRY(context_.store.list<model::Network>()))
        for (const auto& text : {other.spec.subnet, other.status.subnet})
            if (auto const range = model::parse_subnet(text); range.ok() && key_of(other) != key_of(network))
                others.push_back(range.value());
    auto const picked = [&](std::size_t i) -> std::optional<std::string> {
        for (; i < 167; ++i) {
            auto const text = "10." + std::to_string(88 + i) + ".0.0/24";
            auto const range = model::parse_subnet(text);
            if (range.ok() && std::ranges::none_of(others, [&](const auto& other) { return other.overlaps(range.value()); }))
                return text;
        }
        return std::nullopt;
    };
    if (network.spec.subnet.empty())
        return context_.claims.ensure("subnet", owner_of(network), picked);
    TRY(context_.claims.ensure("subnet", owner_of(network),
                               [&](std::size_t i) { return i == 0 ? std::optional{network.spec.subnet} : std::nullopt; }));
    return network.spec.subnet;
}

Result<std::string> NetworkController::claim_bridge(const model::Network& network)
{
    return context_.claims.ensure("bridge", owner_of(network), [&](std::size_t i) -> std::optional<std::string> {
        if (!network.spec.bridge.empty())
            return i == 0 ? std::optional{network.spec.bridge} : std::nullopt;
        if (i == 0 && base::is_link_name(network.meta.name) && !base::is_reserved_link_name(network.meta.name))
            return network.meta.name;
        return "br-" + base::to_hex(base::stable_hash(owner_of(network) + std::to_string(i)), 8);
    });
}

Result<NetworkController::Plan> NetworkController::plan(model::Network& network)
{
    Plan planned;
    auto& plan = planned.plan;
    plan.name = switch_name(network.meta.space, network.meta.name);
    plan.profile = profile_of(network);
    plan.dns = network.spec.dns;
    plan.stp = network.spec.stp;
    plan.uplink = network.spec.uplink;
    plan.interfaces = network.spec.interfaces;

    auto const subnet_text = TRY(claim_subnet(network));
    auto const subnet = TRY(model::parse_subnet(subnet_text));
    plan.subnet = model::to_string(subnet.canonical());
    plan.gateway = network.spec.gateway.empty() ? model::to_string(subnet.gateway()) : network.spec.gateway;
    if (!network.spec.dhcp_range.empty()) {
        auto const range = TRY(model::parse_address_range(network.spec.dhcp_range));
        plan.dhcp_first = model::to_string(range.first);
        plan.dhcp_last = model::to_string(range.last);
    }
    plan.bridge = TRY(claim_bridge(network));
    TRY(add_workloads(network, planned));
    return planned;
}

Status NetworkController::add_workloads(model::Network& network, Plan& planned)
{
    std::map<std::string, std::string> addresses; // By workload id.
    for (const auto& [address, owner] : TRY(context_.claims.list(address_scope(network.meta.space, network.meta.name))))
        addresses[owner] = address;

    network.status.attachments.clear();
    auto const add_host = [&](const auto& workload) -> std::string {
        auto const id = workload_id(key_of(workload));
        auto const address = addresses.find(id);
        if (workload.spec.network != network.meta.name || workload.meta.deleted || address == addresses.end())
            return {};
        auto const chosen = chosen_mac(workload);
        auto const mac = chosen.empty() ? derived_mac(context_.places.instance, id) : chosen;
        planned.plan.hosts.push_back({workload.meta.name, address->second, mac});
        network.status.attachments.push_back(
            {key_of(workload).kind, workload.meta.name, address->second, mac, link_name(context_.places.instance, id)});
        return address->second;
    };
    for (const auto& machine : TRY(context_.store.list<model::VirtualMachine>(network.meta.space)))
        (void)add_host(machine);
    for (const auto& pod : TRY(context_.store.list<model::Pod>(network.meta.space))) {
        auto const address = add_host(pod);
        if (!address.empty())
            TRY(add_ports(ports_of(pod, address), planned));
    }
    return base::done();
}

/// What another program of this host has is left out: that is the capsule's trouble, which says so, and nobody else's.
Status NetworkController::add_ports(const std::vector<network::PublishedPort>& ports, Plan& planned)
{
    for (const auto& port : ports) {
        auto const free = context_.drivers.networks.check_port(planned.plan.name, port);
        if (!free.ok() && free.error().code() != base::Code::failed_precondition)
            return free;
        if (free.ok())
            planned.plan.ports.push_back(port);
        else
            planned.ports_left_out = true;
    }
    return base::done();
}

/// Empty: it is as it shall be. Else: it ended too often, and is started again after this time.
Result<std::optional<std::chrono::milliseconds>> NetworkController::serve(const network::SwitchPlan& plan)
{
    using Delay = std::optional<std::chrono::milliseconds>;
    auto& supervisor = context_.drivers.supervisor;
    auto const wanted = TRY(context_.drivers.networks.service(plan.name));
    auto const id = "dns." + plan.name;
    auto const observed = TRY(observe_process(supervisor, id));
    if (!wanted) {
        TRY(stop_serving(id, observed));
        return Delay{};
    }
    if (runs(observed))
        return Delay{};
    if (observed) {
        auto const delay = delays_.before_next(id, since(observed->finished), between(observed->started, observed->finished));
        if (delay.count() > 0)
            return Delay{delay};
    }
    TRY(supervisor.forget(id));
    TRY(supervisor.start(*wanted));
    return Delay{};
}

Status NetworkController::stop_serving(const std::string& id, const std::optional<model::ProcessStatus>& observed)
{
    if (!runs(observed))
        return context_.drivers.supervisor.forget(id);
    auto sent = context_.drivers.supervisor.signal(id, SIGTERM); // Its end brings us back.
    return base::failed_with(sent, base::Code::not_found) ? base::done() : sent;
}

Result<Next> NetworkController::report_active(model::Network& network, const network::SwitchPlan& plan)
{
    auto const delay = TRY(serve(plan).context("serve DHCP and DNS on " + plan.name));
    auto& status = network.status;
    bool const fresh = status.phase != "Active";
    auto const words = "bridge " + plan.bridge + " serves " + plan.subnet;
    status.phase = "Active";
    status.bridge = plan.bridge;
    status.subnet = plan.subnet;
    status.gateway = plan.gateway;
    if (delay)
        set_condition(status.conditions, "Ready", false, "ServiceEnded",
                      "DHCP and DNS ended too often; they will be started again");
    else
        set_condition(status.conditions, "Ready", true, "Active", words);
    TRY(context_.store.put_status(network));
    if (fresh)
        context_.events.normal(key_of(network), network.meta.uid, "Active", words);
    return delay ? Next::after(*delay) : Next::settled();
}

Result<Next> NetworkController::tear_down(model::Network& network)
{
    auto const addresses = TRY(context_.claims.list(address_scope(network.meta.space, network.meta.name)));
    for (const auto& [address, owner] : addresses) {
        if (owner == "gateway")
            continue;
        network.status.phase = "Terminating";
        set_condition(network.status.conditions, "Ready", false, "InUse", owner + " still has " + address);
        TRY(context_.store.put_status(network));
        return Next::settled(); // The workload's own removal brings us back.
    }
    auto const name = switch_name(network.meta.space, network.meta.name);
    auto const id = "dns." + name;
    auto const running = TRY(observe_process(context_.drivers.supervisor, id));
    TRY(stop_serving(id, running));
    if (runs(running))
        return Next::after(std::chrono::milliseconds{500});
    TRY(context_.drivers.networks.remove_switch(name).context("remove switch " + name));
    for (const auto* scope : {"subnet", "bridge"})
        TRY(context_.claims.release(scope, owner_of(network)));
    TRY(context_.claims.release(address_scope(network.meta.space, network.meta.name), "gateway"));
    TRY(remove_log(context_.places, id));
    delays_.forget(id);
    TRY(context_.store.release(key_of(network)));
    return Next::settled();
}

} // namespace nova::control
