#include "apps/nova/cli/image_imports.h"

#include <iostream>

#include "apps/nova/cli/apply_plan.h"
#include "apps/nova/cli/object_text.h"
#include "apps/nova/cli/progress.h"
#include "apps/nova/cli/waiting.h"
#include "sys/random.h"

namespace nova::app {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds take_back_limit{30};

/// One image that is asked for, and how to know that an answer is about this asking.
struct Asked {
    PlannedChange* change;
    std::string attempt{}; ///< Of one that failed before, and is to be tried once more.
};

bool is_answered(const Asked& asked, const json& image)
{
    bool const current = asked.attempt.empty() || text_at(image, "/status/attempt") == asked.attempt;
    return current && progress_of(image).state != Progress::State::waiting;
}

bool failed_before(const PlannedChange& change)
{
    return change.effect == Effect::none && progress_of(change.live).state == Progress::State::failed;
}

Result<Asked> ask(client::Client& client, PlannedChange& change)
{
    if (change.effect == Effect::create) {
        TRY(make(client, change.object).context("create Image " + change.key.name));
        return Asked{&change};
    }
    if (change.effect == Effect::hot) {
        TRY(client.patch(change.key, replacing_patch(change)).context("change Image " + change.key.name));
        return Asked{&change};
    }
    auto const attempt = sys::random_hex(12);
    TRY(client.patch(change.key, {{"metadata", {{"annotations", {{"nanocloud.io/restart", attempt}}}}}}));
    return Asked{&change, attempt};
}

/// An image that was made goes again, one that was changed is as before.
Status take_back(client::Client& client, const PlannedChange& change)
{
    if (change.effect == Effect::create) {
        auto const removed = client.remove(change.key);
        if (!removed.ok() && removed.error().code() != base::Code::not_found)
            return base::Error{removed.error()}.context("remove Image " + change.key.name);
        return wait_until_gone(client, change.key, base::Deadline::after(take_back_limit));
    }
    if (change.effect == Effect::hot) {
        auto back = change;
        std::swap(back.object, back.live);
        TRY(client.patch(change.key, replacing_patch(back)).context("change Image " + change.key.name + " back"));
    }
    return base::done();
}

base::Cause cause_of(const model::NovaFile& file, const model::Key& image, const std::string& words)
{
    auto const section = file.image_sections.find(image.name);
    return file.cause(section == file.image_sections.end() ? "image" : section->second + ".source", words);
}

Status await_all(client::Client& client, const Invocation& invocation, const model::NovaFile& file, const std::vector<Asked>& all,
                 base::Deadline deadline)
{
    ProgressLine line{invocation.quiet};
    std::vector<base::Cause> causes;
    for (const auto& asked : all) {
        line.show("importing " + asked.change->key.name);
        auto const answered = [&](const json& image) { return is_answered(asked, image); };
        auto const image = TRY(wait_until(client, asked.change->key, answered, deadline));
        if (auto const progress = progress_of(image); progress.state == Progress::State::failed)
            causes.push_back(cause_of(file, asked.change->key, progress.words));
    }
    return causes.empty() ? base::done() : Status{base::Error::invalid(std::move(causes))};
}

} // namespace

Status import_images(client::Client& client, const Invocation& invocation, const model::NovaFile& file,
                     std::vector<PlannedChange>& plan, base::Deadline deadline)
{
    std::vector<Asked> all;
    auto outcome = base::done();
    for (auto& change : plan) {
        bool const wanted = change.effect == Effect::create || change.effect == Effect::hot || failed_before(change);
        if (change.key.kind != "Image" || !wanted || !outcome.ok())
            continue;
        auto asked = ask(client, change);
        if (asked.ok())
            all.push_back(std::move(asked).value());
        else
            outcome = asked.error();
    }
    if (outcome.ok())
        outcome = await_all(client, invocation, file, all, deadline);
    if (base::failed_with(outcome, base::Code::deadline_exceeded))
        return outcome;
    for (const auto& asked : all) {
        if (!outcome.ok())
            TRY(take_back(client, *asked.change).context(outcome.error().message()));
        else if (asked.change->effect != Effect::none && !invocation.quiet)
            std::cerr << to_string(asked.change->effect) << " Image " << asked.change->key.name << "\n";
        if (outcome.ok())
            asked.change->effect = Effect::none;
    }
    return outcome;
}

} // namespace nova::app
