#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace nova::client {

class HttpConnection;

struct WatchOptions {
    std::uint64_t from = 0; ///< Changes after this revision. 0: first what is there, as `added`.
    bool bookmarks = false;
    bool initial_end = false;                      ///< With from = 0: a bookmark after what was there.
    std::optional<std::chrono::seconds> timeout{}; ///< The server ends the watch then.
};

struct Event {
    enum class Type { added, modified, removed, bookmark };
    Type type = Type::added;
    nlohmann::json object;

    std::uint64_t revision() const; ///< Of the object; 0 where it has none.
    bool ends_initial() const;      ///< The bookmark after what was there.
};

/// Changes of objects, as they happen. Destroying it ends it.
class EventStream {
public:
    explicit EventStream(std::unique_ptr<HttpConnection> connection);
    EventStream(EventStream&&) noexcept;
    EventStream& operator=(EventStream&&) noexcept;
    ~EventStream();

    /// The next event; empty: the server ended the watch (timeout, or it stops): watch again from revision().
    /// Errors: deadline_exceeded - nothing new until then, ask again; out_of_range - too old: list again; unavailable.
    base::Result<std::optional<Event>> next(base::Deadline deadline = base::Deadline::never());

    /// Calls `use` for each event until it returns false, the watch ends, or the deadline passes (which is no error here).
    base::Status each(base::Deadline deadline, const std::function<bool(const Event&)>& use);

    std::uint64_t revision() const { return revision_; } ///< The last one seen.
    int fd() const;                                      ///< To poll; call next() until deadline_exceeded before polling again.

private:
    base::Result<Event> parse(const std::string& line);

    std::unique_ptr<HttpConnection> connection_;
    std::string buffer_;
    std::uint64_t revision_ = 0;
};

} // namespace nova::client
