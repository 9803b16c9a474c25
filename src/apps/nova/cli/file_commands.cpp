#include <CLI/CLI.hpp>

#include <iostream>
#include <thread>

#include "apps/nova/cli/applied_file.h"
#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/print.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/cli/progress.h"
#include "apps/nova/cli/waiting.h"
#include "base/clock.h"

namespace nova::app {
namespace {

using nlohmann::json;

struct UpOptions {
    bool no_wait = false;
    int timeout_seconds = 120;
};

json describe(const std::vector<PlannedChange>& plan)
{
    json changes = json::array();
    for (const auto& change : plan) {
        json fields = json::array();
        for (const auto& field : change.fields)
            fields.push_back({{"path", field.path}, {"before", field.before}, {"after", field.after}});
        changes.push_back(
            {{"kind", change.key.kind}, {"name", change.key.name}, {"effect", to_string(change.effect)}, {"fields", fields}});
    }
    return {{"changes", changes}};
}

void print_plan(const std::vector<PlannedChange>& plan)
{
    std::size_t different = 0;
    for (const auto& change : plan) {
        if (change.effect == Effect::none)
            continue;
        ++different;
        std::cout << to_string(change.effect) << " " << change.key.kind << " " << change.key.name << "\n";
        for (const auto& field : change.fields)
            std::cout << "    " << field.path << ": " << (field.before.empty() ? "(unset)" : field.before) << " -> "
                      << (field.after.empty() ? "(unset)" : field.after) << "\n";
    }
    if (different == 0)
        std::cout << "nothing to do: everything is as the file says\n";
}

Result<int> show_plan(const Invocation& invocation)
{
    auto const file = TRY(read_novafile(invocation));
    auto client = TRY(connect_daemon(invocation));
    auto const plan = TRY(plan_file(client, invocation.space, file));
    if (invocation.output() == Output::json || invocation.output() == Output::yaml)
        std::cout << print_document(describe(plan), invocation.output());
    else
        print_plan(plan);
    for (const auto& cause : file.unsupported)
        std::cerr << "nova: " << to_string(cause) << "\n";
    return file.unsupported.empty() ? exit_ok : exit_configuration;
}

/// Accepts that another `up` of the same file was faster.
Status make(client::Client& client, const nlohmann::json& object, const client::WriteOptions& options = {})
{
    auto const made = client.create(object, options);
    if (!made.ok() && made.error().code() != base::Code::already_exists)
        return made.error();
    return base::done();
}

/// Asks for each new network and image without making it, so that a refusal (a subnet that another project has) leaves nothing
/// half made. What stands on them can't be asked for before they are there, and what needs room that a removal makes neither.
Status check(client::Client& client, const std::vector<PlannedChange>& plan)
{
    for (const auto& change : plan)
        if (change.effect == Effect::remove || change.effect == Effect::recreate)
            return base::done();
    for (const auto& change : plan)
        if (change.effect == Effect::create && (change.key.kind == "Network" || change.key.kind == "Image"))
            TRY(make(client, change.object, {.dry_run = true}).context("create " + change.key.kind + " " + change.key.name));
    return base::done();
}

bool goes_first(const PlannedChange& change) { return change.effect == Effect::remove || change.effect == Effect::recreate; }

/// Takes away what goes, and what is to be made anew, before anything is made: a new workload may want the port or the subnet of
/// an old one. Workloads first, since networks and images wait for them. With `wait`, returns when all of it is gone.
Status clear(client::Client& client, const std::vector<PlannedChange>& plan, bool wait, base::Deadline deadline)
{
    std::vector<const PlannedChange*> going;
    for (const auto& change : plan)
        if (goes_first(change))
            going.push_back(&change);
    std::stable_sort(going.begin(), going.end(),
                     [](const auto* a, const auto* b) { return rank(a->key.kind) > rank(b->key.kind); });
    for (const auto* change : going) {
        auto const removed = client.remove(change->key);
        if (!removed.ok() && removed.error().code() != base::Code::not_found)
            return base::Error{removed.error()}.context("remove " + change->key.kind + " " + change->key.name);
    }
    for (const auto* change : going)
        if (wait)
            TRY(wait_until_gone(client, change->key, deadline));
    return base::done();
}

Status apply_change(client::Client& client, const PlannedChange& change)
{
    switch (change.effect) {
    case Effect::none:
    case Effect::remove: return base::done(); // clear() took it away.
    case Effect::create:
    case Effect::recreate: return make(client, change.object);
    case Effect::hot:
    case Effect::restart: TRY(client.patch(change.key, replacing_patch(change))); return base::done();
    }
    return base::done();
}

/// Applies in order. The first refusal ends it: what stands after depends on what stands before.
Status apply(client::Client& client, const Invocation& invocation, const std::vector<PlannedChange>& plan,
             base::Deadline deadline)
{
    bool const something_follows = std::any_of(plan.begin(), plan.end(), [](const auto& change) {
        return change.effect != Effect::none && change.effect != Effect::remove;
    });
    TRY(clear(client, plan, something_follows, deadline));
    for (const auto& change : plan) {
        TRY(apply_change(client, change)
                .context(std::string{to_string(change.effect)} + " " + change.key.kind + " " + change.key.name));
        if (change.effect != Effect::none && !invocation.quiet)
            std::cerr << to_string(change.effect) << " " << change.key.kind << " " << change.key.name << "\n";
    }
    return base::done();
}

/// What is up, what is not, and why: the answer to an `up` that went only half of its way.
void print_fate(const std::vector<Fate>& fates)
{
    for (const auto& fate : fates) {
        auto const* word = fate.progress.state == Progress::State::ready    ? "up"
                           : fate.progress.state == Progress::State::failed ? "failed"
                                                                            : "waiting";
        std::cout << word << " " << fate.key.kind << " " << fate.key.name;
        if (fate.progress.state != Progress::State::ready && !fate.progress.words.empty())
            std::cout << ": " << fate.progress.words;
        std::cout << "\n";
    }
}

Result<int> bring_up(const Invocation& invocation, const UpOptions& options)
{
    auto const file = TRY(read_novafile(invocation));
    auto client = TRY(connect_daemon(invocation));
    if (!file.unsupported.empty())
        return base::Error::invalid(file.unsupported);
    auto const plan = TRY(plan_file(client, invocation.space, file));
    TRY(check(client, plan));
    auto const deadline = base::Deadline::after(std::chrono::seconds{options.timeout_seconds});
    auto const applied = apply(client, invocation, plan, deadline);
    if (!applied.ok()) {
        print_fate(TRY(fates_of(client, invocation.space, file.project)));
        return base::Error{applied.error()};
    }
    if (options.no_wait)
        return exit_ok;
    for (const auto& change : plan)
        if (change.effect == Effect::remove)
            TRY(wait_until_gone(client, change.key, deadline));
    auto const fates = TRY(wait_for_project(client, invocation, file.project, deadline));
    print_fate(fates);
    bool const all =
        std::all_of(fates.begin(), fates.end(), [](const Fate& fate) { return fate.progress.state == Progress::State::ready; });
    if (!all)
        std::cerr << "nova: not everything is up; 'nova status' says more, and the next 'nova up' goes on from here\n";
    return all ? exit_ok : exit_failure;
}

Result<int> take_down(const Invocation& invocation, const UpOptions& options)
{
    auto const file = TRY(read_project_name(invocation));
    auto client = TRY(connect_daemon(invocation));
    auto const deadline = base::Deadline::after(std::chrono::seconds{options.timeout_seconds});
    auto const plan = plan_changes({}, TRY(live_objects(client, invocation.space, file)));
    TRY(apply(client, invocation, plan, deadline));
    if (options.no_wait)
        return exit_ok;
    for (const auto& change : plan)
        TRY(wait_until_gone(client, change.key, deadline));
    if (!invocation.quiet)
        std::cout << (plan.empty() ? "nothing of project " + file + " is there\n" : "project " + file + " is down\n");
    return exit_ok;
}

} // namespace

void add_file_commands(CLI::App& app, Invocation& invocation)
{
    auto const options = std::make_shared<UpOptions>();
    auto* up = app.add_subcommand("up", "Make everything so as the NovaFile says");
    up->add_flag("--no-wait", options->no_wait, "Return once it is accepted");
    up->add_option("--timeout", options->timeout_seconds, "How long to wait, in seconds")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    up->footer("Examples:\n  nova up\n  nova up --file lab/NovaFile --no-wait");
    up->callback(
        [&invocation, options] { invocation.action = [&invocation, options] { return bring_up(invocation, *options); }; });

    auto* plan = app.add_subcommand("plan", "Say what `up` would change, and what would restart for it");
    plan->footer("Examples:\n  nova plan\n  nova plan --output json");
    plan->callback([&invocation] { invocation.action = [&invocation] { return show_plan(invocation); }; });

    auto* down = app.add_subcommand("down", "Take away everything of the NovaFile's project; named volumes stay");
    down->add_flag("--no-wait", options->no_wait, "Return once it is accepted");
    down->add_option("--timeout", options->timeout_seconds, "How long to wait, in seconds")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    down->footer("Example:\n  nova down");
    down->callback(
        [&invocation, options] { invocation.action = [&invocation, options] { return take_down(invocation, *options); }; });
}

} // namespace nova::app
