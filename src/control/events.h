#pragma once

#include <string>

#include "base/guarded.h"
#include "control/object_store.h"

namespace nova::control {

/// Writes down, in words, what happened to an object. The same reason for the same object is one Event that counts, so events are
/// bounded by reasons and not by time: nothing has to expire, and an idle Nova writes nothing.
class EventRecorder {
public:
    /// Above this many the oldest go.
    static constexpr std::size_t most_events = 1000;

    explicit EventRecorder(ObjectStore& store) : store_(store) {}

    void normal(const model::Key& about, const std::string& uid, const std::string& reason, const std::string& message);
    void warning(const model::Key& about, const std::string& uid, const std::string& reason, const std::string& message);

private:
    void record(const model::Key& about, const std::string& uid, const std::string& type, const std::string& reason,
                const std::string& message);
    Status write(const model::Event& event);
    Status trim(const std::string& space);

    ObjectStore& store_;
    base::Guarded<std::size_t> since_trim_{most_events}; // So that the first event after a start trims.
};

} // namespace nova::control
