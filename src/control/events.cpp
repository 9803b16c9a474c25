#include "control/events.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "base/strings.h"

namespace nova::control {

void EventRecorder::normal(const model::Key& about, const std::string& uid, const std::string& reason, const std::string& message)
{
    record(about, uid, "Normal", reason, message);
}

void EventRecorder::warning(const model::Key& about, const std::string& uid, const std::string& reason,
                            const std::string& message)
{
    base::log_warning(to_string(about) + ": " + reason + ": " + message);
    record(about, uid, "Warning", reason, message);
}

void EventRecorder::record(const model::Key& about, const std::string& uid, const std::string& type, const std::string& reason,
                           const std::string& message)
{
    auto const now = base::to_rfc3339(base::system_clock().now());
    model::Event event;
    event.meta.space = about.space.empty() ? "default" : about.space;
    event.meta.name = about.name.substr(0, 200) + "." + base::to_hex(base::stable_hash(about.kind + uid + reason), 12);
    event.regarding = about;
    event.regarding_uid = uid;
    event.type = type;
    event.reason = reason;
    event.message = message;
    event.first = now;
    event.last = now;
    if (auto const written = write(event); !written.ok()) // An event is a courtesy: its loss must not stop the work.
        base::log_warning("record event " + reason + ": " + written.error().message());
}

Status EventRecorder::write(const model::Event& event)
{
    auto const earlier = store_.get<model::Event>(event.meta.space, event.meta.name);
    if (earlier.ok()) {
        auto counted = earlier.value();
        counted.count += 1;
        counted.last = event.last;
        counted.message = event.message;
        TRY(store_.keyspace().put(model::storage_key(key_of(counted)), model::to_json(counted).dump()));
        return base::done();
    }
    TRY(store_.create(event));
    bool const full = since_trim_.with([](auto& count) { return ++count > most_events / 10; });
    return full ? trim(event.meta.space) : base::done();
}

Status EventRecorder::trim(const std::string& space)
{
    since_trim_.with([](auto& count) { count = 0; });
    auto events = TRY(store_.list<model::Event>(space));
    if (events.size() <= most_events)
        return base::done();
    std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.last < b.last; });
    for (std::size_t i = 0; i < events.size() - most_events; ++i)
        TRY(store_.remove(key_of(events[i])));
    return base::done();
}

} // namespace nova::control
