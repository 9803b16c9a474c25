#include "apps/nova/cli/fate.h"

#include <algorithm>
#include <chrono>

#include "apps/nova/cli/object_text.h"
#include "base/clock.h"

namespace nova::app {
namespace {

constexpr std::chrono::milliseconds stands{150};

/// A capsule whose program ends at once is Running for an instant, too; who believed that would call it up.
bool has_just_started(const nlohmann::json& object)
{
    auto const started = base::parse_rfc3339(text_at(object, "/status/containerStatuses/0/state/running/startedAt"));
    if (!started.ok())
        return false;
    auto const age = base::system_clock().now() - started.value();
    return age >= std::chrono::nanoseconds{0} && age < stands; // A clock that was set back must not keep us waiting.
}

Progress standing(const nlohmann::json& object)
{
    auto progress = progress_of(object);
    if (progress.state == Progress::State::ready && has_just_started(object))
        return {Progress::State::waiting, "has just started"};
    return progress;
}

const char* word_of(Progress::State state)
{
    switch (state) {
    case Progress::State::ready: return "up";
    case Progress::State::failed: return "failed";
    case Progress::State::missing: return "not made";
    case Progress::State::waiting: break;
    }
    return "waiting";
}

Fate missing(const Wanted& wanted, const model::Key& key)
{
    if (wanted.refused == key)
        return {key, {Progress::State::missing, wanted.reason}};
    return {
        key,
        {Progress::State::missing, wanted.refused ? "not tried after " + wanted.refused->kind + " " + wanted.refused->name : ""}};
}

} // namespace

Wanted wanted_of(const std::string& project, const std::vector<PlannedChange>& plan)
{
    Wanted wanted{project, {}};
    for (const auto& change : plan)
        if (change.effect != Effect::remove)
            wanted.keys.push_back(change.key);
    return wanted;
}

Result<std::vector<Fate>> fates_of(client::Client& client, const std::string& space, const Wanted& wanted)
{
    std::vector<Fate> fates;
    for (const auto& object : TRY(live_objects(client, space, wanted.project)))
        fates.push_back({{text_at(object, "/kind"), space, text_at(object, "/metadata/name")}, standing(object)});
    for (const auto& key : wanted.keys)
        if (std::ranges::none_of(fates, [&](const Fate& fate) { return fate.key == key; }))
            fates.push_back(missing(wanted, key));
    return fates;
}

std::string describe_fates(const std::vector<Fate>& fates)
{
    std::string text;
    for (const auto& fate : fates) {
        text += std::string{word_of(fate.progress.state)} + " " + fate.key.kind + " " + fate.key.name;
        if (fate.progress.state != Progress::State::ready && !fate.progress.words.empty())
            text += ": " + fate.progress.words;
        text += "\n";
    }
    return text;
}

} // namespace nova::app
