#include <CLI/CLI.hpp>

#include <iostream>
#include <set>

#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/object_text.h"
#include "apps/nova/cli/print.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/cli/table.h"
#include "apps/nova/cli/target.h"

namespace nova::app {
namespace {

using nlohmann::json;

struct LsOptions {
    std::string kind;
    bool all_namespaces = false;
    std::string selector;
};

std::string address_of(const json& object)
{
    auto const pod = text_at(object, "/status/podIP");
    return pod.empty() ? text_at(object, "/status/address") : pod;
}

std::string image_of(const json& object)
{
    if (text_at(object, "/kind") == "Pod")
        return text_at(object, "/spec/containers/0/image");
    auto const image = text_at(object, "/spec/image");
    auto const source = image.empty() ? text_at(object, "/spec/kernel") : image;
    return source.substr(source.rfind('/') == std::string::npos ? 0 : source.rfind('/') + 1);
}

/// Capsules and machines in one table: the question is what runs, and not of which kind.
std::string print_workloads(const std::vector<json>& workloads, Output output)
{
    if (output == Output::json || output == Output::yaml)
        return print_document({{"apiVersion", "v1"}, {"kind", "List"}, {"items", workloads}}, output);
    std::vector<std::string> header{"KIND", "NAME", "STATUS", "ADDRESS", "IMAGE", "AGE"};
    if (output == Output::wide)
        header.insert(header.end(), {"NETWORK", "PID", "NAMESPACE"});
    std::vector<std::vector<std::string>> rows;
    std::string names;
    for (const auto& object : workloads) {
        std::string const kind = text_at(object, "/kind") == "Pod" ? "container" : "vm";
        names += kind + "/" + text_at(object, "/metadata/name") + "\n";
        rows.push_back({kind, text_at(object, "/metadata/name"), text_at(object, "/status/phase"), address_of(object),
                        image_of(object), age(text_at(object, "/metadata/creationTimestamp"))});
        if (output != Output::wide)
            continue;
        auto const pid = kind == "vm" ? number_at(object, "/status/pid") : number_at(object, "/status/containerStatuses/0/pid");
        rows.back().insert(rows.back().end(), {text_at(object, "/spec/network"), pid == 0 ? "" : std::to_string(pid),
                                               text_at(object, "/metadata/namespace")});
    }
    return output == Output::name ? names : format_table(header, rows);
}

Result<int> list_workloads(const Invocation& invocation, const LsOptions& options)
{
    auto client = TRY(connect_daemon(invocation));
    std::vector<json> workloads;
    client::Selection const selection{options.all_namespaces ? "" : invocation.space, options.selector, ""};
    for (auto const* kind : workload_kinds()) {
        auto list = TRY(client.list(kind->kind, selection));
        std::move(list.items.begin(), list.items.end(), std::back_inserter(workloads));
    }
    std::cout << print_workloads(workloads, invocation.output());
    return 0;
}

Result<int> list_kind(const Invocation& invocation, const LsOptions& options)
{
    auto const* kind = TRY(kind_by_word(options.kind));
    auto client = TRY(connect_daemon(invocation));
    auto const space = kind->namespaced && !options.all_namespaces ? invocation.space : "";
    auto const list = TRY(client.list(kind->kind, {space, options.selector, ""}));
    std::cout << print_objects(*kind, list.items, invocation.output());
    return 0;
}

void print_conditions(const json& object)
{
    for (const auto& condition : list_at(object, "/status/conditions")) {
        std::cout << "  " << text_at(condition, "/type") << ": " << text_at(condition, "/status");
        for (const auto& [field, before] : {std::pair{"/reason", ", "}, std::pair{"/message", ": "}})
            if (auto const text = text_at(condition, field); !text.empty())
                std::cout << before << text;
        std::cout << "\n";
    }
}

Result<int> status_of_target(const Invocation& invocation, const std::vector<std::string>& words)
{
    auto client = TRY(connect_daemon(invocation));
    auto const target = TRY(find_target(client, invocation.space, words));
    auto const object = TRY(client.get({target.kind->kind, target.kind->namespaced ? invocation.space : "", target.name}));
    std::cout << print_object(*target.kind, object, invocation.output());
    if (invocation.output() != Output::table && invocation.output() != Output::wide)
        return 0;
    print_conditions(object);
    auto const selector = "involvedObject.name=" + target.name + ",involvedObject.kind=" + target.kind->kind;
    auto const events = TRY(client.list("Event", {invocation.space, "", selector}));
    for (const auto& event : events.items)
        std::cout << "  " << age(text_at(event, "/lastTimestamp")) << " ago: " << text_at(event, "/reason") << ": "
                  << text_at(event, "/message") << "\n";
    return 0;
}

/// The host and everything on it, a line each.
Result<int> status_of_all(const Invocation& invocation)
{
    auto client = TRY(connect_daemon(invocation));
    json document;
    document["nodes"] = TRY(client.list("Node")).items;
    for (const auto* kind : {"Network", "Pod", "VirtualMachine", "Image"})
        document[kind] = TRY(client.list(kind, {invocation.space, "", ""})).items;
    if (invocation.output() == Output::json || invocation.output() == Output::yaml) {
        std::cout << print_document(document, invocation.output());
        return 0;
    }
    for (const auto& node : document["nodes"])
        std::cout << "node " << text_at(node, "/metadata/name") << ": Nova " << text_at(node, "/status/version") << ", Linux "
                  << text_at(node, "/status/kernel") << "\nmachines run under " << text_at(node, "/status/acceleration") << ": "
                  << text_at(node, "/status/accelerationReason") << "\n";
    std::map<std::string, std::size_t> phases;
    for (const auto* kind : {"Network", "Pod", "VirtualMachine", "Image"})
        for (const auto& object : document[kind])
            ++phases[text_at(object, "/status/phase")];
    std::cout << "objects:";
    for (const auto& [phase, count] : phases)
        std::cout << " " << count << " " << (phase.empty() ? "new" : phase);
    std::cout << (phases.empty() ? " none\n\n" : "\n\n");
    std::vector<json> workloads = document["Pod"];
    for (const auto& machine : document["VirtualMachine"])
        workloads.push_back(machine);
    std::cout << print_workloads(workloads, invocation.output());
    std::set<std::string> const good{"Running", "Stopped", "Succeeded", "Active", "Ready"};
    for (const auto* kind : {"Network", "Image", "Pod", "VirtualMachine"})
        for (const auto& object : document[kind])
            if (!good.contains(text_at(object, "/status/phase"))) {
                std::cout << kind << " " << text_at(object, "/metadata/name") << ":\n";
                print_conditions(object);
            }
    return 0;
}

Result<int> list_events(const Invocation& invocation)
{
    auto client = TRY(connect_daemon(invocation));
    auto const* kind = model::find_kind("Event");
    auto events = TRY(client.list("Event", {invocation.space, "", ""})).items;
    std::stable_sort(events.begin(), events.end(),
                     [](const json& a, const json& b) { return text_at(a, "/lastTimestamp") < text_at(b, "/lastTimestamp"); });
    std::cout << print_objects(*kind, events, invocation.output());
    return 0;
}

} // namespace

void add_look_commands(CLI::App& app, Invocation& invocation)
{
    auto* ls = app.add_subcommand("ls", "List what there is: capsules and machines, or the objects of a kind");
    auto const options = std::make_shared<LsOptions>();
    ls->add_option("kind", options->kind, "vm, container, net, image, event, node, ns; default: all that runs");
    ls->add_flag("-A,--all-namespaces", options->all_namespaces, "In every namespace");
    ls->add_option("-l,--selector", options->selector, "Only with these labels: key=value,...");
    ls->footer("Examples:\n  nova ls\n  nova ls net --output wide\n  nova ls vm -l nanocloud.io/project=first-light -o json");
    ls->callback([&invocation, options] {
        invocation.action = [&invocation, options] {
            return options->kind.empty() ? list_workloads(invocation, *options) : list_kind(invocation, *options);
        };
    });

    auto* status = app.add_subcommand("status", "Tell how everything is, or one workload in detail");
    auto const words = std::make_shared<std::vector<std::string>>();
    status->add_option("target", *words, "[KIND] NAME; default: everything")->expected(0, 2);
    status->footer("Examples:\n  nova status\n  nova status vm probe");
    status->callback([&invocation, words] {
        invocation.action = [&invocation, words] {
            return words->empty() ? status_of_all(invocation) : status_of_target(invocation, *words);
        };
    });

    auto* events = app.add_subcommand("events", "List what happened, oldest first");
    events->footer("Example:\n  nova events");
    events->callback([&invocation] { invocation.action = [&invocation] { return list_events(invocation); }; });
}

} // namespace nova::app
