#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/in_use.h"
#include "apps/nova/cli/object_text.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/cli/run_container.h"
#include "apps/nova/cli/target.h"
#include "apps/nova/cli/waiting.h"
#include "base/clock.h"
#include "sys/random.h"

namespace nova::app {
namespace {

using nlohmann::json;

constexpr int most_targets = 1000;

struct PowerOptions {
    std::vector<std::string> words;
    bool no_wait = false;
    int timeout_seconds = 120;
};

std::string phase_of(const json& object) { return text_at(object, "/status/phase"); }

/// What makes the controller start it anew, whatever it thinks of the process that ended, and what it then says it has seen.
json restart_patch(const std::string& attempt)
{
    return {{"metadata", {{"annotations", {{"nanocloud.io/restart", attempt}}}}}, {"spec", {{"running", true}}}};
}

bool runs_now(const json& object)
{
    auto const current = number_at(object, "/status/observedGeneration") >= number_at(object, "/metadata/generation");
    return current && (phase_of(object) == "Running" || phase_of(object) == "Succeeded");
}

bool stopped_now(const json& object)
{
    return phase_of(object) == "Stopped" &&
           number_at(object, "/status/observedGeneration") >= number_at(object, "/metadata/generation");
}

/// What is to come, and the word for it. With an attempt only what is told of that one counts: how it ended before says nothing.
struct Outcome {
    std::function<bool(const json&)> done;
    std::string word;
    std::string attempt{};
};

Result<int> settle(client::Client& client, const Invocation& invocation, const Target& target, const PowerOptions& options,
                   const Outcome& outcome)
{
    if (options.no_wait)
        return exit_ok;
    auto const failed = [](const json& object) { return progress_of(object).state == Progress::State::failed; };
    auto const told = [&](const json& object) {
        return outcome.attempt.empty() || text_at(object, "/status/attempt") == outcome.attempt;
    };
    auto const either = [&](const json& object) { return told(object) && (outcome.done(object) || failed(object)); };
    auto const deadline = base::Deadline::after(std::chrono::seconds{options.timeout_seconds});
    auto const object = TRY(wait_until(client, {target.kind->kind, invocation.space, target.name}, either, deadline));
    if (!outcome.done(object))
        return base::Error{base::Code::failed_precondition, target.name + ": " + progress_of(object).words};
    if (!invocation.quiet)
        std::cout << target.name << " " << outcome.word << "\n";
    return exit_ok;
}

Result<int> start(client::Client& client, const Invocation& invocation, const Target& target, const PowerOptions& options)
{
    auto const before = TRY(client.get({target.kind->kind, invocation.space, target.name}));
    if (phase_of(before) == "Running")
        return settle(client, invocation, target, options, {runs_now, "started"});
    auto const attempt = sys::random_hex(12);
    TRY(client.patch({target.kind->kind, invocation.space, target.name}, restart_patch(attempt)));
    return settle(client, invocation, target, options, {runs_now, "started", attempt});
}

Result<int> stop(client::Client& client, const Invocation& invocation, const Target& target, const PowerOptions& options)
{
    TRY(client.patch({target.kind->kind, invocation.space, target.name}, {{"spec", {{"running", false}}}}));
    return settle(client, invocation, target, options, {stopped_now, "stopped"});
}

std::string started_at(const json& object)
{
    auto const machine = text_at(object, "/status/startedAt");
    return machine.empty() ? text_at(object, "/status/containerStatuses/0/state/running/startedAt") : machine;
}

Result<int> restart(client::Client& client, const Invocation& invocation, const Target& target, const PowerOptions& options)
{
    auto const before = started_at(TRY(client.get({target.kind->kind, invocation.space, target.name})));
    auto const attempt = sys::random_hex(12);
    TRY(client.patch({target.kind->kind, invocation.space, target.name}, restart_patch(attempt)));
    auto const fresh = [&](const json& object) { return runs_now(object) && started_at(object) != before; };
    return settle(client, invocation, target, options, {fresh, "restarted", attempt});
}

Result<int> remove(client::Client& client, const Invocation& invocation, const Target& target, const PowerOptions& options)
{
    TRY(check_unused(client, invocation, target));
    TRY(client.remove({target.kind->kind, target.kind->namespaced ? invocation.space : "", target.name}));
    if (options.no_wait)
        return exit_ok;
    auto const deadline = base::Deadline::after(std::chrono::seconds{options.timeout_seconds});
    TRY(wait_until_gone(client, {target.kind->kind, target.kind->namespaced ? invocation.space : "", target.name}, deadline));
    if (!invocation.quiet)
        std::cout << target.name << " removed\n";
    return exit_ok;
}

using Verb = Result<int> (*)(client::Client&, const Invocation&, const Target&, const PowerOptions&);

/// One after the other; the first that fails ends it.
Result<int> for_each_target(const Invocation& invocation, const PowerOptions& options, Verb verb)
{
    auto client = TRY(connect_daemon(invocation));
    for (const auto& target : TRY(find_targets(client, invocation.space, options.words)))
        TRY(verb(client, invocation, target, options));
    return exit_ok;
}

void add_verb(CLI::App& app, Invocation& invocation, const std::string& name, const std::string& summary, Verb verb)
{
    auto* command = app.add_subcommand(name, summary);
    auto const options = std::make_shared<PowerOptions>();
    command->add_option("target", options->words, "[KIND] NAME NAME...")->expected(1, most_targets)->required();
    command->add_flag("--no-wait", options->no_wait, "Return once it is accepted");
    command->add_option("--timeout", options->timeout_seconds, "How long to wait, in seconds")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    command->footer("Examples:\n  nova " + name + " web\n  nova " + name + " vm probe\n  nova " + name + " web api db");
    command->callback([&invocation, options, verb] {
        invocation.action = [&invocation, options, verb] { return for_each_target(invocation, *options, verb); };
    });
}

/// `run vm N` and `run container N` start what a NovaFile described; with --image, a capsule of its own.
Result<int> run(const Invocation& invocation, const RunOptions& options)
{
    if (!options.image.empty())
        return run_container(invocation, options);
    PowerOptions power;
    power.words = {options.kind, options.name};
    power.timeout_seconds = options.timeout_seconds;
    power.no_wait = options.detach;
    return for_each_target(invocation, power, start);
}

void add_run(CLI::App& app, Invocation& invocation)
{
    auto* command = app.add_subcommand(
        "run", "Start a machine or capsule that is described, or a capsule from an image (-- COMMAND replaces its own)");
    auto const options = std::make_shared<RunOptions>();
    command->add_option("kind", options->kind, "vm or container")
        ->required()
        ->check(CLI::IsMember({"vm", "container", "capsule"}));
    command->add_option("name", options->name, "Its name")->required();
    command->add_option("--image", options->image, "Make a new capsule from this image");
    command->add_option("--network", options->network, "Network to plug it into");
    command->add_option("-e,--env", options->env, "K=V, once for each");
    command->add_option("-v,--volume", options->volumes, "SOURCE:TARGET[:ro], once for each");
    command->add_option("-p,--publish", options->ports, "[IP:]HOST:CONTAINER[/udp], once for each");
    command->add_option("--memory", options->memory, "Memory limit (64Mi)");
    command->add_flag("--rm", options->remove, "Remove it when it ended");
    command->add_flag("-d,--detach", options->detach, "Return once it runs");
    command->add_option("--timeout", options->timeout_seconds, "How long its start may take, in seconds")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    command->footer("Examples:\n  nova run vm probe\n  nova run container web\n  nova run container job --image tools --rm -- sh "
                    "-c 'echo hello'");
    command->callback([&invocation, options] {
        invocation.action = [&invocation, options] {
            options->command = invocation.behind_dashes;
            return run(invocation, *options);
        };
    });
}

} // namespace

void add_workload_commands(CLI::App& app, Invocation& invocation)
{
    add_run(app, invocation);
    add_verb(app, invocation, "start", "Start a machine or capsule", start);
    add_verb(app, invocation, "stop", "Ask a machine or capsule to end; after its grace, end it", stop);
    add_verb(app, invocation, "restart", "Stop and start a machine or capsule", restart);
    add_verb(app, invocation, "rm", "Remove a machine, capsule or any other object", remove);
}

} // namespace nova::app
