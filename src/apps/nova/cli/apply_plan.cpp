#include "apps/nova/cli/apply_plan.h"

#include <algorithm>
#include <iostream>
#include <set>

#include "apps/nova/cli/waiting.h"
#include "model/kinds.h"

namespace nova::app {
namespace {

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

} // namespace

Status make(client::Client& client, const nlohmann::json& object, const client::WriteOptions& options)
{
    auto const made = client.create(object, options);
    if (!made.ok() && made.error().code() != base::Code::already_exists)
        return made.error();
    return base::done();
}

Status check_plan(client::Client& client, const std::vector<PlannedChange>& plan)
{
    if (std::any_of(plan.begin(), plan.end(), goes_first))
        return base::done();
    for (const auto& change : plan)
        if (change.effect == Effect::create && (change.key.kind == "Network" || change.key.kind == "Image"))
            TRY(make(client, change.object, {.dry_run = true}).context("create " + change.key.kind + " " + change.key.name));
    return base::done();
}

Result<std::vector<std::string>> spare_images_in_use(client::Client& client, std::vector<PlannedChange>& plan)
{
    auto const is_removal = [](const PlannedChange& change, const char* kind) {
        return change.effect == Effect::remove && change.key.kind == kind;
    };
    std::set<std::string> used;
    for (const auto& pod : TRY(client.list("Pod")).items) {
        model::Key const key{"Pod", pod.value("/metadata/namespace"_json_pointer, std::string{}),
                             pod.value("/metadata/name"_json_pointer, std::string{})};
        auto const goes = [&](const PlannedChange& change) { return is_removal(change, "Pod") && change.key == key; };
        if (std::none_of(plan.begin(), plan.end(), goes))
            used.insert(model::full_reference(pod.value("/spec/containers/0/image"_json_pointer, std::string{})));
    }
    std::vector<std::string> spared;
    std::erase_if(plan, [&](const PlannedChange& change) {
        bool const stays = is_removal(change, "Image") &&
                           used.contains(model::full_reference(change.live.value("/spec/reference"_json_pointer, std::string{})));
        if (stays)
            spared.push_back(change.key.name);
        return stays;
    });
    return spared;
}

Applied apply_plan(client::Client& client, const Invocation& invocation, const std::vector<PlannedChange>& plan,
                   base::Deadline deadline)
{
    bool const something_follows = std::any_of(plan.begin(), plan.end(), [](const auto& change) {
        return change.effect != Effect::none && change.effect != Effect::remove;
    });
    if (auto cleared = clear(client, plan, something_follows, deadline); !cleared.ok())
        return {std::move(cleared)};
    for (const auto& change : plan) {
        auto applied = apply_change(client, change)
                           .context(std::string{to_string(change.effect)} + " " + change.key.kind + " " + change.key.name);
        if (!applied.ok())
            return {std::move(applied), change.key};
        if (change.effect != Effect::none && !invocation.quiet)
            std::cerr << to_string(change.effect) << " " << change.key.kind << " " << change.key.name << "\n";
    }
    return {base::done()};
}

} // namespace nova::app
