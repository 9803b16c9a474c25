#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

#include "apps/nova/cli/apply_plan.h"
#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/image_imports.h"
#include "apps/nova/cli/print.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/cli/waiting.h"

namespace nova::app {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds refused_patience{10}; ///< For what was made before the refusal.

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

/// An `up` that went only half of its way: what is up, what is not, and why.
void tell_fates(client::Client& client, const Invocation& invocation, const Wanted& wanted)
{
    if (auto const fates = fates_of(client, invocation.space, wanted);
        fates.ok()) // Else the first error says more than a second.
        std::cout << describe_fates(fates.value());
    std::cerr << "nova: not everything is up; 'nova status' says more, and the next 'nova up' goes on from here\n";
}

/// What failed because the file asks for something that this host can't give, with its place in the file.
std::vector<base::Cause> find_conflicts(const model::NovaFile& file, const std::vector<Fate>& fates)
{
    std::vector<base::Cause> causes;
    for (const auto& fate : fates)
        if (fate.key.kind == "Network" && fate.progress.state == Progress::State::failed &&
            fate.progress.reason == "HostConflict")
            causes.push_back(file.cause("network." + fate.key.name, fate.progress.words));
    return causes;
}

/// Until everything is gone that shall go, and the rest is up or has failed.
Result<std::vector<Fate>> settle(client::Client& client, const Invocation& invocation, const std::vector<PlannedChange>& plan,
                                 const Wanted& wanted, base::Deadline deadline)
{
    for (const auto& change : plan)
        if (change.effect == Effect::remove)
            TRY(wait_until_gone(client, change.key, deadline));
    return wait_for_project(client, invocation, wanted, deadline);
}

/// Carries out a plan that was checked.
Result<int> carry_out(client::Client& client, const Invocation& invocation, const model::NovaFile& file,
                      const std::vector<PlannedChange>& plan, const UpOptions& options, base::Deadline deadline)
{
    auto wanted = wanted_of(file.project, plan);
    auto const applied = apply_plan(client, invocation, plan, deadline);
    if (!applied.outcome.ok()) {
        wanted.refused = applied.refused;
        wanted.reason = applied.outcome.error().message();
        if (!options.no_wait) // What was made before is on its way, and its end is what is asked for.
            (void)wait_for_project(client, invocation, wanted, base::Deadline::after(refused_patience));
        tell_fates(client, invocation, wanted);
        return applied.outcome.error();
    }
    if (options.no_wait)
        return exit_ok;
    auto const fates = settle(client, invocation, plan, wanted, deadline);
    bool const all = fates.ok() && std::ranges::all_of(fates.value(), [](const Fate& fate) {
                         return fate.progress.state == Progress::State::ready;
                     });
    if (!all)
        tell_fates(client, invocation, wanted);
    else
        std::cout << describe_fates(fates.value());
    if (!fates.ok())
        return fates.error();
    if (auto conflicts = find_conflicts(file, fates.value()); !conflicts.empty())
        return base::Error::invalid(std::move(conflicts));
    return all ? exit_ok : exit_failure;
}

void tell_spared(const std::vector<std::string>& images, const Invocation& invocation)
{
    for (const auto& name : images)
        if (!invocation.quiet)
            std::cerr << "Image " << name << " stays: a capsule of another file uses it\n";
}

/// All that can be refused without having made anything.
Result<std::vector<PlannedChange>> prepare(client::Client& client, const Invocation& invocation, const model::NovaFile& file,
                                           const UpOptions& options, base::Deadline deadline)
{
    auto plan = TRY(plan_file(client, invocation.space, file));
    tell_spared(TRY(spare_images_in_use(client, plan)), invocation);
    TRY(check_plan(client, plan));
    if (!options.no_wait)
        TRY(import_images(client, invocation, file, plan, deadline));
    return plan;
}

Result<int> bring_up(const Invocation& invocation, const UpOptions& options)
{
    auto const file = TRY(read_novafile(invocation));
    auto client = TRY(connect_daemon(invocation));
    if (!file.unsupported.empty())
        return base::Error::invalid(file.unsupported);
    auto const deadline = base::Deadline::after(std::chrono::seconds{options.timeout_seconds});
    auto const plan = prepare(client, invocation, file, options, deadline);
    if (plan.ok())
        return carry_out(client, invocation, file, plan.value(), options, deadline);
    if (auto const fates = fates_of(client, invocation.space, {file.project, {}}); fates.ok())
        std::cout << describe_fates(fates.value()); // What is up already stays so.
    return plan.error();
}

Result<int> take_down(const Invocation& invocation, const UpOptions& options)
{
    auto const file = TRY(read_project_name(invocation));
    auto client = TRY(connect_daemon(invocation));
    auto const deadline = base::Deadline::after(std::chrono::seconds{options.timeout_seconds});
    auto plan = plan_changes({}, TRY(live_objects(client, invocation.space, file)));
    tell_spared(TRY(spare_images_in_use(client, plan)), invocation);
    TRY(Status{apply_plan(client, invocation, plan, deadline).outcome});
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
