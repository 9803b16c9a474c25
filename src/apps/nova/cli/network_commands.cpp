#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/in_use.h"
#include "apps/nova/cli/print.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/cli/waiting.h"

namespace nova::app {
namespace {

using nlohmann::json;

struct CreateOptions {
    std::string name;
    std::string type = "bridge";
    std::string profile = "internal";
    std::string uplink;
    std::string subnet;
    std::string dhcp_range;
    std::vector<std::string> attach;
    bool stp = false;
};

const model::KindInfo& network_kind() { return *model::find_kind("Network"); }

Result<int> list(const Invocation& invocation)
{
    auto client = TRY(connect_daemon(invocation));
    std::cout << print_objects(network_kind(),
                               TRY(client.list("Network", {.space = invocation.space, .labels = "", .fields = ""})).items,
                               invocation.output());
    return exit_ok;
}

Result<int> inspect(const Invocation& invocation, const std::string& name)
{
    auto client = TRY(connect_daemon(invocation));
    auto const object = TRY(client.get({"Network", invocation.space, name}));
    auto const form = invocation.output() == Output::table ? Output::yaml : invocation.output();
    std::cout << print_object(network_kind(), object, form);
    return exit_ok;
}

json network_from(const CreateOptions& options, const std::string& space)
{
    json spec{{"type", options.type}, {"profile", options.profile}, {"stp", options.stp}};
    auto const put = [&](const char* field, const std::string& value) {
        if (!value.empty())
            spec[field] = value;
    };
    put("uplink", options.uplink);
    put("subnet", options.subnet);
    put("dhcpRange", options.dhcp_range);
    if (!options.attach.empty())
        spec["interfaces"] = options.attach;
    if (options.profile == "external" && !options.uplink.empty())
        spec["interfaces"].push_back(options.uplink);
    return {{"apiVersion", "nanocloud.io/v1"},
            {"kind", "Network"},
            {"metadata", {{"name", options.name}, {"namespace", space}}},
            {"spec", spec}};
}

Result<int> create(const Invocation& invocation, const CreateOptions& options)
{
    auto client = TRY(connect_daemon(invocation));
    TRY(client.create(network_from(options, invocation.space)));
    auto const decided = [](const json& object) { return progress_of(object).state != Progress::State::waiting; };
    auto const object = TRY(wait_until(client, {"Network", invocation.space, options.name}, decided,
                                       base::Deadline::after(std::chrono::seconds{30})));
    if (progress_of(object).state == Progress::State::failed)
        return base::Error{base::Code::failed_precondition, "network " + options.name + ": " + progress_of(object).words +
                                                                "; 'nova net delete " + options.name + "' takes it away again"};
    std::cout << "network " << options.name << " is active\n";
    return exit_ok;
}

Result<int> remove(const Invocation& invocation, const std::string& name)
{
    auto client = TRY(connect_daemon(invocation));
    TRY(check_unused(client, invocation, {model::find_kind("Network"), name}));
    TRY(client.remove({"Network", invocation.space, name}));
    TRY(wait_until_gone(client, {"Network", invocation.space, name}, base::Deadline::after(std::chrono::seconds{30})));
    std::cout << "network " << name << " removed\n";
    return exit_ok;
}

void add_create(CLI::App& net, Invocation& invocation)
{
    auto* command = net.add_subcommand("create", "Make a network");
    auto const options = std::make_shared<CreateOptions>();
    command->add_option("name", options->name, "Its name")->required();
    command->add_option("--type", options->type, "bridge")->capture_default_str();
    command
        ->add_option("--profile", options->profile,
                     "internal: only its workloads; nat: out through this host; external: onto a link of this host")
        ->check(CLI::IsMember({"internal", "external", "nat"}))
        ->capture_default_str();
    command->add_option("--uplink", options->uplink, "Link that leads out");
    command->add_option("--subnet", options->subnet, "Subnet, or the gateway's address with the prefix: 192.168.220.1/24");
    command->add_option("--dhcp-range", options->dhcp_range, "FIRST-LAST");
    command->add_option("--attach", options->attach, "Links of this host to put onto the bridge");
    command->add_flag("--stp", options->stp, "Spanning tree");
    command->footer(
        "Example:\n  nova net create lab --profile nat --subnet 192.168.220.1/24 --dhcp-range 192.168.220.50-192.168.220.150");
    command->callback(
        [&invocation, options] { invocation.action = [&invocation, options] { return create(invocation, *options); }; });
}

} // namespace

void add_network_commands(CLI::App& app, Invocation& invocation)
{
    auto* net = app.add_subcommand("net", "Networks: ls, inspect, create, delete")->alias("network");
    net->require_subcommand(1);
    net->footer("Example:\n  nova net ls");
    auto* ls = net->add_subcommand("ls", "List networks")->alias("list");
    ls->footer("Examples:\n  nova net ls\n  nova net ls --output wide");
    ls->callback([&invocation] { invocation.action = [&invocation] { return list(invocation); }; });
    add_create(*net, invocation);

    auto const name = std::make_shared<std::string>();
    auto* look = net->add_subcommand("inspect", "Show one network whole");
    look->add_option("name", *name, "Its name")->required();
    look->footer("Example:\n  nova net inspect lab");
    look->callback([&invocation, name] { invocation.action = [&invocation, name] { return inspect(invocation, *name); }; });
    auto* gone = net->add_subcommand("delete", "Remove a network that nothing uses")->alias("rm");
    gone->add_option("name", *name, "Its name")->required();
    gone->footer("Example:\n  nova net delete lab");
    gone->callback([&invocation, name] { invocation.action = [&invocation, name] { return remove(invocation, *name); }; });
}

} // namespace nova::app
