#include "network/networks.h"

#include <algorithm>
#include <mutex>

#include "base/strings.h"
#include "network/bridge.h"
#include "network/dns.h"
#include "network/endpoint.h"
#include "network/forwarding.h"
#include "network/kernel_watch.h"
#include "network/mark.h"
#include "network/plan.h"
#include "network/rules.h"
#include "network/switch_store.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/netns.h"
#include "sys/nftables.h"
#include "sys/port.h"

namespace nova::network {

using base::Code;
using base::Error;

namespace {

constexpr auto endpoint_patience = std::chrono::seconds{20};

std::string table_command(const char* verb, const std::string& instance)
{
    auto const table = R"({"table":{"family":"inet","name":")" + table_name(instance) + R"("}})";
    return std::string{R"({"nftables":[{")"} + verb + R"(":)" + table + "}]}";
}

/// nullopt: there is no table of ours.
Result<std::optional<std::string>> find_rules(const std::string& instance)
{
    auto listing = sys::run_nftables(table_command("list", instance));
    if (base::failed_with(listing, Code::not_found))
        return std::optional<std::string>{};
    return std::optional{find_stamp(TRY(std::move(listing)))};
}

Status ensure_rules(const std::string& instance, const std::vector<SwitchPlan>& plans)
{
    auto const wanted = plan_rules(instance, plans);
    auto const there = TRY(find_rules(instance).context("look at firewall rules"));
    if (wanted.commands.empty()) {
        if (there)
            TRY(sys::run_nftables(table_command("delete", instance)).context("remove firewall rules"));
        return base::done();
    }
    if (there && *there == wanted.stamp)
        return base::done();
    TRY(sys::run_nftables(wanted.commands).context("set firewall rules"));
    return base::done();
}

class KernelNetworks final : public Networks {
public:
    explicit KernelNetworks(Options options) : options_(std::move(options)), store_(options_.state_directory) {}

    Status ensure_switch(const SwitchPlan& plan) override;
    Status remove_switch(const std::string& name) override;
    Result<SwitchState> observe_switch(const std::string& name) override;
    Result<std::vector<SwitchPlan>> list_switches() override;
    std::vector<base::Error> list_broken() override;
    Status check_port(const std::string& switch_name, const PublishedPort& port) override;
    Result<std::optional<model::ProcessSpec>> service(const std::string& name) override;
    Result<std::string> ensure_capsule(const EndpointPlan& plan) override;
    Status ensure_tap(const EndpointPlan& plan) override;
    Status remove_endpoint(const EndpointPlan& plan) override;
    Status on_change(std::function<void(const std::string& endpoint)> call) override;
    Status sweep(const std::vector<EndpointPlan>& keep) override;

private:
    std::string netns_path(const std::string& id) const { return options_.run_directory + "/netns/" + id; }
    Result<SwitchPlan> get_plan(const std::string& name);
    Status carry_out(sys::Netlink& netlink, const SwitchPlan& plan);
    Status settle_forwarding(sys::Netlink& netlink, const SwitchStore::Content& content);
    Result<sys::Link> get_bridge(const Links& links, const EndpointPlan& plan);
    Result<std::optional<sys::Link>> find_endpoint(const Links& links, const EndpointPlan& plan);
    Status make_capsule(const EndpointPlan& plan);
    Status sweep_links(sys::Netlink& netlink, const SwitchStore::Content& content, const std::vector<EndpointPlan>& keep);
    Status sweep_files(const SwitchStore::Content& content, const std::vector<EndpointPlan>& keep);

    Options options_;
    SwitchStore store_;
    std::mutex mutex_; ///< Over state files and rules, which are made from all of them together.
    std::unique_ptr<KernelWatch> watch_;
};

/// Settles one port of ours: on its bridge, up.
Status ensure_plugged(sys::Netlink& netlink, const sys::Link& link, const sys::Link& bridge)
{
    if (link.master != bridge.index)
        TRY(sys::set_link_master(netlink, link.index, bridge.index).context(link.name));
    if (!link.up)
        TRY(sys::set_link_up(netlink, link.index, true).context(link.name));
    return base::done();
}

Status KernelNetworks::ensure_switch(const SwitchPlan& plan)
{
    auto const doing = "network " + plan.name;
    TRY(check_plan(plan).context(doing));
    std::lock_guard const lock{mutex_};
    auto const content = TRY(store_.load().context(doing));
    auto netlink = TRY(sys::Netlink::open().context(doing));
    TRY(check_beside(plan, content.plans).context(doing));
    auto const links = TRY(Links::look(netlink, options_.instance).context(doing));
    TRY(check_bridge(netlink, links, plan).context(doing));
    TRY(store_.put(plan).context(doing)); // Before the kernel, so that all there is of ours there is known.
    return carry_out(netlink, plan).context(doing);
}

Status KernelNetworks::carry_out(sys::Netlink& netlink, const SwitchPlan& plan)
{
    auto const bridge = TRY(ensure_bridge(netlink, options_.instance, plan));
    auto const content = TRY(store_.load());
    TRY(ensure_rules(options_.instance, content.plans));
    TRY(ensure_bridge_settings(plan));
    TRY(settle_forwarding(netlink, content));
    if (!needs_dns(plan))
        return remove_dns_files(options_, plan.name);
    return ensure_dns_files(options_, plan, bridge.index);
}

/// Forwarding is on while a switch needs it.
Status KernelNetworks::settle_forwarding(sys::Netlink& netlink, const SwitchStore::Content& content)
{
    if (std::ranges::any_of(content.plans, [](const SwitchPlan& plan) { return plan.profile == Profile::nat; }))
        return ensure_forwarding(options_.run_directory);
    if (!content.broken.empty())
        return base::done(); // One of them may be such a switch.
    return release_forwarding(options_.run_directory, TRY(Links::look(netlink, options_.instance)));
}

Status KernelNetworks::remove_switch(const std::string& name)
{
    auto const doing = "remove network " + name;
    if (!base::is_dns_label(name))
        return Error{Code::invalid_argument, doing + ": not a DNS label"};
    std::lock_guard const lock{mutex_};
    auto netlink = TRY(sys::Netlink::open().context(doing));
    TRY(store_.remove(name).context(doing)); // First: what a crash leaves from here on is swept.
    TRY(remove_bridge(netlink, options_.instance, name).context(doing));
    auto const content = TRY(store_.load().context(doing));
    TRY(ensure_rules(options_.instance, content.plans).context(doing));
    TRY(settle_forwarding(netlink, content).context(doing));
    return remove_dns_files(options_, name).context(doing);
}

Result<SwitchPlan> KernelNetworks::get_plan(const std::string& name)
{
    auto const content = TRY(store_.load());
    if (auto const* const plan = content.find(name))
        return *plan;
    return Error{Code::not_found, "there is no network " + name};
}

Result<SwitchState> KernelNetworks::observe_switch(const std::string& name)
{
    std::lock_guard const lock{mutex_};
    auto const content = TRY(store_.load());
    auto const* const plan = content.find(name);
    if (plan == nullptr)
        return Error{Code::not_found, "there is no network " + name};
    auto netlink = TRY(sys::Netlink::open());
    auto const links = TRY(Links::look(netlink, options_.instance));
    SwitchState state;
    auto const wanted = plan_rules(options_.instance, content.plans);
    state.rules = TRY(find_rules(options_.instance)).value_or("") == wanted.stamp;
    auto const* const bridge = links.find_switch(name);
    if (bridge == nullptr || bridge->name != plan->bridge)
        return state;
    state.link = bridge->up;
    state.address = TRY(has_planned_address(netlink, *bridge, *plan));
    for (const auto& link : links.all())
        if (link.master == bridge->index)
            state.ports.push_back(link.name);
    return state;
}

Result<std::vector<SwitchPlan>> KernelNetworks::list_switches() { return TRY(store_.load()).plans; }

std::vector<base::Error> KernelNetworks::list_broken()
{
    auto content = store_.load();
    if (!content.ok())
        return {content.error()};
    return content.value().broken;
}

Status KernelNetworks::check_port(const std::string& switch_name, const PublishedPort& port)
{
    auto const content = TRY(store_.load());
    auto const* const plan = content.find(switch_name);
    if (plan != nullptr && std::ranges::find(plan->ports, port) != plan->ports.end())
        return base::done();
    auto const transport = port.protocol == "udp" ? sys::Transport::udp : sys::Transport::tcp;
    auto status = sys::check_port_free(transport, port.host_ip, port.host_port);
    if (base::failed_with(status, Code::already_exists) || base::failed_with(status, Code::not_found))
        return Error{Code::failed_precondition, status.error().message()};
    return std::move(status).context("publish port");
}

Result<std::optional<model::ProcessSpec>> KernelNetworks::service(const std::string& name)
{
    auto const plan = TRY(get_plan(name));
    if (!needs_dns(plan))
        return std::optional<model::ProcessSpec>{};
    auto netlink = TRY(sys::Netlink::open());
    auto const bridge = TRY(sys::find_link(netlink, plan.bridge));
    return std::optional{TRY(dns_process(options_, plan, bridge ? bridge->index : 0))};
}

Result<sys::Link> KernelNetworks::get_bridge(const Links& links, const EndpointPlan& plan)
{
    auto const* const bridge = links.find(plan.bridge);
    auto const mark = bridge == nullptr ? std::nullopt : links.mark_of(*bridge);
    if (!mark || mark->kind != Mark::Kind::bridge)
        return Error{Code::failed_precondition, "there is no bridge " + plan.bridge + " of ours"};
    return *bridge;
}

/// The plug's link, if it is there. Errors: already_exists - it is another's.
Result<std::optional<sys::Link>> KernelNetworks::find_endpoint(const Links& links, const EndpointPlan& plan)
{
    auto const* const link = links.find(plan.link);
    if (link == nullptr)
        return std::optional<sys::Link>{};
    auto const mark = links.mark_of(*link);
    if (!mark || mark->kind != Mark::Kind::port || mark->name != plan.id)
        return Error{Code::already_exists, "link " + plan.link + " belongs to somebody else"};
    return std::optional{*link};
}

Status KernelNetworks::make_capsule(const EndpointPlan& plan)
{
    auto const path = netns_path(plan.id);
    TRY(sys::make_directories(options_.run_directory + "/netns"));
    sys::RunSpec run;
    run.child.program_fd = options_.program;
    run.child.argv = {"nb", "endpoint"};
    run.input = print_request({plan, options_.instance, path});
    run.deadline = base::Deadline::after(endpoint_patience);
    TRY(sys::run_child_that_succeeds(run));
    return base::done();
}

Result<std::string> KernelNetworks::ensure_capsule(const EndpointPlan& plan)
{
    auto const doing = "network of " + plan.id;
    TRY(check_plan(plan).context(doing));
    auto netlink = TRY(sys::Netlink::open().context(doing));
    auto const links = TRY(Links::look(netlink, options_.instance).context(doing));
    auto const bridge = TRY(get_bridge(links, plan).context(doing));
    auto const link = TRY(find_endpoint(links, plan).context(doing));
    auto const path = netns_path(plan.id);
    bool const whole = link && link->alias == port_mark(options_.instance, plan) && sys::is_pinned_netns(path);
    if (whole)
        TRY(ensure_plugged(netlink, *link, bridge).context(doing));
    else
        TRY(make_capsule(plan).context(doing));
    return path;
}

Status KernelNetworks::ensure_tap(const EndpointPlan& plan)
{
    auto const doing = "network of " + plan.id;
    TRY(check_plan(plan).context(doing));
    auto netlink = TRY(sys::Netlink::open().context(doing));
    auto const links = TRY(Links::look(netlink, options_.instance).context(doing));
    auto const bridge = TRY(get_bridge(links, plan).context(doing));
    auto link = TRY(find_endpoint(links, plan).context(doing));
    if (!link) {
        TRY(sys::create_tap(netlink, plan.link, port_mark(options_.instance, plan)).context(doing));
        link = TRY(sys::get_link(netlink, plan.link).context(doing));
        TRY(sys::disable_link_ipv6(netlink, link->index).context(doing));
    }
    return ensure_plugged(netlink, *link, bridge).context(doing);
}

Status KernelNetworks::remove_endpoint(const EndpointPlan& plan)
{
    auto const doing = "remove network of " + plan.id;
    TRY(check_plan(plan).context(doing));
    auto netlink = TRY(sys::Netlink::open().context(doing));
    auto const links = TRY(Links::look(netlink, options_.instance).context(doing));
    if (auto const link = TRY(find_endpoint(links, plan).context(doing)))
        TRY(sys::remove_link(netlink, link->index).context(doing));
    return sys::unpin_netns(netns_path(plan.id)).context(doing);
}

Status KernelNetworks::sweep_links(sys::Netlink& netlink, const SwitchStore::Content& content,
                                   const std::vector<EndpointPlan>& keep)
{
    auto const links = TRY(Links::look(netlink, options_.instance));
    for (const auto& link : links.all()) {
        auto const mark = links.mark_of(link);
        if (!mark)
            continue;
        bool const kept = mark->kind == Mark::Kind::bridge ? content.mentions(mark->name)
                                                           : std::any_of(keep.begin(), keep.end(), [&](const EndpointPlan& plan) {
                                                                 return plan.id == mark->name && plan.link == link.name;
                                                             });
        if (!kept)
            TRY(sys::remove_link(netlink, link.index).context(link.name));
    }
    return base::done();
}

Status KernelNetworks::sweep_files(const SwitchStore::Content& content, const std::vector<EndpointPlan>& keep)
{
    auto const names_in = [](const std::string& path) { return sys::list_directory(path).value_or({}); };
    for (const auto& id : names_in(options_.run_directory + "/netns"))
        if (std::none_of(keep.begin(), keep.end(), [&](const EndpointPlan& plan) { return plan.id == id; }))
            TRY(sys::unpin_netns(netns_path(id)));
    for (const auto& name : names_in(options_.run_directory + "/dns"))
        if (!content.mentions(name))
            TRY(remove_dns_files(options_, name));
    return base::done();
}

Status KernelNetworks::on_change(std::function<void(const std::string& endpoint)> call)
{
    watch_.reset();
    if (call)
        watch_ = TRY(KernelWatch::start(options_.instance, std::move(call)));
    return base::done();
}

Status KernelNetworks::sweep(const std::vector<EndpointPlan>& keep)
{
    auto const* const doing = "sweep networks";
    std::lock_guard const lock{mutex_};
    TRY(store_.sweep().context(doing));
    auto const content = TRY(store_.load().context(doing));
    auto netlink = TRY(sys::Netlink::open().context(doing));
    TRY(sweep_links(netlink, content, keep).context(doing));
    TRY(sweep_files(content, keep).context(doing));
    TRY(ensure_rules(options_.instance, content.plans).context(doing));
    return settle_forwarding(netlink, content).context(doing);
}

} // namespace

Result<std::unique_ptr<Networks>> open_networks(const Options& options)
{
    auto const hexadecimal = options.instance.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (options.instance.empty() || options.instance.size() > 16 || !hexadecimal)
        return Error{Code::invalid_argument, "instance must be 1 to 16 hexadecimal digits: \"" + options.instance + "\""};
    return std::unique_ptr<Networks>{std::make_unique<KernelNetworks>(options)};
}

} // namespace nova::network
