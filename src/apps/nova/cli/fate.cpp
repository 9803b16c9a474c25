#include "apps/nova/cli/fate.h"

#include <algorithm>

#include "apps/nova/cli/object_text.h"

namespace nova::app {
namespace {

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
        fates.push_back({{text_at(object, "/kind"), space, text_at(object, "/metadata/name")}, progress_of(object)});
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
