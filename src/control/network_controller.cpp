#include "control/network_controller.h"

#include <csignal>

#include "base/log.h"
#include "base/strings.h"
#include "control/conditions.h"
#include "control/plugs.h"
#include "control/workload.h"
#include "model/cidr.h"
#include "sys/file.h"

namespace nova::control {
namespace {

network::Profile profile_of(const model::Network& network)
{
    if (network.spec.profile == "internal")
        return network::Profile::internal;
    return network.spec.profile == "external" ? network::Profile::external : network::Profile::nat;
}

std::string owner_of(const model::Network& network) { return network.meta.space + "/" + network.meta.name; }

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
    network.status.phase = "Failed";
    set_condition(network.status.conditions, "Ready", false, "Failed", outcome.error().message());
    context_.events.warning(key, network.meta.uid, "Failed", outcome.error().message());
    TRY(context_.store.put_status(network));
    return outcome;
}

Result<Next> NetworkController::step(model::Network& network)
{
    if (network.spec.type == "none" || network.spec.type == "host") {
        network.status.phase = "Active";
        TRY(context_.store.put_status(network));
        return Next::settled();
    }
    auto plan_now = TRY(plan(network));
    auto ensured = context_.drivers.networks.ensure_switch(plan_now);
    if (base::failed_with(ensured, base::Code::already_exists) && network.spec.bridge.empty()) {
        // Somebody else's link has the name we chose: choose another, for good.
        TRY(context_.claims.release("bridge", owner_of(network)));
        auto const other = network.meta.name.substr(0, 10) + "-" + context_.places.instance.substr(0, 4);
        plan_now.bridge = TRY(context_.claims.ensure("bridge", owner_of(network), [&](std::size_t i) {
            return i == 0 ? std::optional{other} : std::nullopt;
        }));
        ensured = context_.drivers.networks.ensure_switch(plan_now);
    }
    TRY(std::move(ensured).context("make switch " + plan_now.name));
    TRY(serve(plan_now).context("serve DHCP and DNS on " + plan_now.name));
    return report_active(network, plan_now);
}

Result<network::SwitchPlan> NetworkController::plan(const model::Network& network)
{
    network::SwitchPlan plan;
    plan.name = switch_name(network.meta.space, network.meta.name);
    plan.profile = profile_of(network);
    plan.dns = network.spec.dns;
    plan.stp = network.spec.stp;
    plan.uplink = network.spec.uplink;
    plan.interfaces = network.spec.interfaces;

    auto const subnet_text = TRY(context_.claims.ensure("subnet", owner_of(network), [&](std::size_t i) -> std::optional<std::string> {
        if (!network.spec.subnet.empty())
            return i == 0 ? std::optional{network.spec.subnet} : std::nullopt;
        return i < 167 ? std::optional{"10." + std::to_string(88 + i) + ".0.0/24"} : std::nullopt;
    }));
    auto const subnet = TRY(model::parse_subnet(network.spec.subnet.empty() ? subnet_text : network.spec.subnet));
    plan.subnet = model::to_string(subnet.canonical());
    plan.gateway = network.spec.gateway.empty() ? model::to_string(subnet.gateway()) : network.spec.gateway;
    if (!network.spec.dhcp_range.empty()) {
        auto const range = TRY(model::parse_address_range(network.spec.dhcp_range));
        plan.dhcp_first = model::to_string(range.first);
        plan.dhcp_last = model::to_string(range.last);
    }
    plan.bridge = TRY(context_.claims.ensure("bridge", owner_of(network), [&](std::size_t i) -> std::optional<std::string> {
        if (!network.spec.bridge.empty())
            return i == 0 ? std::optional{network.spec.bridge} : std::nullopt;
        if (i == 0 && network.meta.name.size() <= 15)
            return network.meta.name;
        return "br-" + base::to_hex(base::stable_hash(owner_of(network) + std::to_string(i)), 8);
    }));
    TRY(add_workloads(network, plan));
    return plan;
}

Status NetworkController::add_workloads(const model::Network& network, network::SwitchPlan& plan)
{
    std::map<std::string, std::string> addresses; // By workload id.
    for (const auto& [address, owner] : TRY(context_.claims.list(address_scope(network.meta.space, network.meta.name))))
        addresses[owner] = address;

    auto const add_host = [&](const auto& workload) -> std::string {
        auto const id = workload_id(key_of(workload));
        auto const address = addresses.find(id);
        if (workload.spec.network != network.meta.name || workload.meta.deleted || address == addresses.end())
            return {};
        auto const mac = chosen_mac(workload);
        plan.hosts.push_back({workload.meta.name, address->second, mac.empty() ? derived_mac(context_.places.instance, id) : mac});
        return address->second;
    };
    for (const auto& machine : TRY(context_.store.list<model::VirtualMachine>(network.meta.space)))
        (void)add_host(machine);
    for (const auto& pod : TRY(context_.store.list<model::Pod>(network.meta.space))) {
        auto const address = add_host(pod);
        if (address.empty() || !pod.spec.running || pod.spec.containers.empty())
            continue;
        for (const auto& port : pod.spec.containers.front().ports)
            if (port.host_port != 0)
                plan.ports.push_back({port.host_ip, port.host_port, address, port.container_port, port.protocol == "UDP" ? "udp" : "tcp"});
    }
    return base::done();
}

Status NetworkController::serve(const network::SwitchPlan& plan)
{
    auto& supervisor = context_.drivers.supervisor;
    auto const wanted = TRY(context_.drivers.networks.service(plan.name));
    auto const id = "dns." + plan.name;
    auto const running = TRY(observe_process(supervisor, id));
    bool const runs = running && running->state == model::ProcessStatus::State::running;
    if (!wanted) {
        if (runs)
            TRY(supervisor.signal(id, SIGKILL));
        return base::done();
    }
    if (runs)
        return base::done();
    TRY(supervisor.forget(id));
    TRY(supervisor.start(*wanted));
    return base::done();
}

Result<Next> NetworkController::report_active(model::Network& network, const network::SwitchPlan& plan)
{
    auto& status = network.status;
    bool const fresh = status.phase != "Active";
    status.phase = "Active";
    status.bridge = plan.bridge;
    status.subnet = plan.subnet;
    status.gateway = plan.gateway;
    status.observed_generation = network.meta.generation;
    status.attachments.clear();
    for (const auto& host : plan.hosts) {
        auto const kind = context_.store.get<model::Pod>(network.meta.space, host.name).ok() ? "Pod" : "VirtualMachine";
        auto const link = link_name(context_.places.instance, workload_id({kind, network.meta.space, host.name}));
        status.attachments.push_back({kind, host.name, host.address, host.mac, link});
    }
    set_condition(status.conditions, "Ready", true, "Active", "bridge " + plan.bridge + " serves " + plan.subnet);
    TRY(context_.store.put_status(network));
    if (fresh)
        context_.events.normal(key_of(network), network.meta.uid, "Active", "bridge " + plan.bridge + " serves " + plan.subnet);
    return Next::settled();
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
    if (running && running->state == model::ProcessStatus::State::running) {
        TRY(context_.drivers.supervisor.signal(id, SIGTERM));
        return Next::after(std::chrono::milliseconds{20});
    }
    TRY(context_.drivers.supervisor.forget(id));
    TRY(context_.drivers.networks.remove_switch(name).context("remove switch " + name));
    for (const auto* scope : {"subnet", "bridge"})
        TRY(context_.claims.release(scope, owner_of(network)));
    TRY(context_.claims.release(address_scope(network.meta.space, network.meta.name), "gateway"));
    TRY(sys::remove_file(log_path(context_.places, id)));
    TRY(context_.store.release(key_of(network)));
    return Next::settled();
}

} // namespace nova::control
