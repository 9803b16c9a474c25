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

/// The states of one object, each as soon as it is there: the first is asked for, the others are watched for.
class States {
public:
    States(client::Client& client, model::Key key) : client_(client), key_(std::move(key)) {}

    /// Empty: it is gone. After the deadline: the state at that time.
    Result<std::optional<json>> next(base::Deadline deadline)
    {
        if (!seen_)
            return ask();
        if (!stream_)
            TRY(watch()); // Only now: often the first state is the one that was waited for.
        auto event = stream_->next(deadline);
        if (!event.ok() || !event.value()) {
            stream_.reset(); // Time is up, the watch ended or fell behind, or the daemon was restarted: ask again.
            if (!deadline.passed())
                pace_.rest();
            return ask();
        }
        if (event.value()->type == client::Event::Type::removed)
            return std::optional<json>{};
        return std::optional{std::move(event.value()->object)};
    }

private:
    Result<std::optional<json>> ask()
    {
        auto object = client_.get(key_);
        if (base::failed_with(object, base::Code::not_found))
            return std::optional<json>{};
        if (!object.ok())
            return object.error();
        seen_ = client::Event{client::Event::Type::modified, object.value()}.revision();
        return std::optional{std::move(object).value()};
    }

    Status watch()
    {
        client::WatchOptions options;
        options.from = *seen_;
        stream_ = TRY(client_.watch(key_.kind, options, {key_.space, "", "metadata.name=" + key_.name}));
        return base::done();
    }

    client::Client& client_;
    model::Key key_;
    std::optional<std::uint64_t> seen_; ///< The revision of the last answer.
    std::optional<client::EventStream> stream_;
    Pace pace_;
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

Result<std::vector<Fate>> wait_for_project(client::Client& client, const Invocation& invocation, const Wanted& wanted,
                                           base::Deadline deadline)
{
    ProgressLine line{invocation.quiet};
    Pace pace;
    std::optional<base::Deadline> failure_counts;
    while (true) {
        auto fates = TRY(fates_of(client, invocation.space, wanted));
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
    States states{client, key};
    while (true) {
        auto const object = TRY(states.next(deadline));
        if (!object)
            return base::done();
        if (deadline.passed())
            return base::Error{base::Code::deadline_exceeded, to_string(key) + " is still there: " + progress_of(*object).words};
    }
}

Result<json> wait_until(client::Client& client, const model::Key& key, const std::function<bool(const json&)>& done,
                        base::Deadline deadline)
{
    States states{client, key};
    while (true) {
        auto object = TRY(states.next(deadline));
        if (!object)
            return base::Error{base::Code::not_found, to_string(key) + " was removed"};
        if (done(*object))
            return *std::move(object);
        if (deadline.passed())
            return base::Error{base::Code::deadline_exceeded, to_string(key) + ": " + progress_of(*object).words};
    }
}

} // namespace nova::app
