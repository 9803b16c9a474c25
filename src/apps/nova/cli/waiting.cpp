#include "apps/nova/cli/waiting.h"

#include <algorithm>
#include <thread>

#include "apps/nova/cli/progress.h"

namespace nova::app {

using nlohmann::json;

namespace {

constexpr std::chrono::milliseconds first_look{10};
constexpr std::chrono::milliseconds longest_look{250};
constexpr std::chrono::seconds failure_stands{2};

/// Looks again soon at first, then less often.
class Pace {
public:
    void rest()
    {
        std::this_thread::sleep_for(delay_);
        delay_ = std::min(delay_ * 3 / 2, longest_look);
    }

private:
    std::chrono::milliseconds delay_ = first_look;
};

bool settled(const std::vector<Fate>& fates)
{
    return std::none_of(fates.begin(), fates.end(),
                        [](const Fate& fate) { return fate.progress.state == Progress::State::waiting; });
}

bool any_failed(const std::vector<Fate>& fates)
{
    return std::any_of(fates.begin(), fates.end(),
                       [](const Fate& fate) { return fate.progress.state == Progress::State::failed; });
}

} // namespace

Result<std::vector<Fate>> fates_of(client::Client& client, const std::string& space, const std::string& project)
{
    std::vector<Fate> fates;
    for (const auto& object : TRY(live_objects(client, space, project)))
        fates.push_back(
            {{object.value("kind", ""), space, object.value("/metadata/name"_json_pointer, std::string{})}, progress_of(object)});
    return fates;
}

Result<std::vector<Fate>> wait_for_project(client::Client& client, const Invocation& invocation, const std::string& project,
                                           base::Deadline deadline)
{
    ProgressLine line{invocation.quiet};
    Pace pace;
    std::optional<base::Deadline> failure_counts;
    while (true) {
        auto fates = TRY(fates_of(client, invocation.space, project));
        if (!any_failed(fates))
            failure_counts.reset();
        else if (!failure_counts)
            failure_counts = base::Deadline::after(failure_stands);
        bool const failed_for_good = failure_counts && failure_counts->passed();
        if ((settled(fates) && (!any_failed(fates) || failed_for_good)) || failed_for_good || deadline.passed())
            return fates;
        for (const auto& fate : fates)
            if (fate.progress.state == Progress::State::waiting) {
                line.show(to_string(fate.key) + ": " + fate.progress.words);
                break;
            }
        pace.rest();
    }
}

Status wait_until_gone(client::Client& client, const model::Key& key, base::Deadline deadline)
{
    Pace pace;
    while (true) {
        auto const object = client.get(key);
        if (base::failed_with(object, base::Code::not_found))
            return base::done();
        if (!object.ok())
            return object.error();
        if (deadline.passed())
            return base::Error{base::Code::deadline_exceeded,
                               to_string(key) + " is still there: " + progress_of(object.value()).words};
        pace.rest();
    }
}

Result<json> wait_until(client::Client& client, const model::Key& key, const std::function<bool(const json&)>& done,
                        base::Deadline deadline)
{
    Pace pace;
    while (true) {
        auto object = TRY(client.get(key));
        if (done(object))
            return object;
        if (deadline.passed())
            return base::Error{base::Code::deadline_exceeded, to_string(key) + ": " + progress_of(object).words};
        pace.rest();
    }
}

} // namespace nova::app
