#include "api/watch.h"

#include <mutex>

#include "api/objects.h"
#include "api/status.h"

namespace nova::api {
namespace {

constexpr std::size_t most_per_piece = 200; // Objects or changes that are read and sent at a time.

using Clock = std::chrono::steady_clock;

/// Forwards the store's calls to whoever is to be woken, once that is known.
class Waker {
public:
    void set(std::function<void()> wake)
    {
        std::lock_guard const lock{mutex_};
        wake_ = std::move(wake);
    }
    void operator()()
    {
        std::lock_guard const lock{mutex_};
        if (wake_)
            wake_();
    }

private:
    std::mutex mutex_;
    std::function<void()> wake_;
};

class KindWatch : public BodySource {
public:
    KindWatch(keyspace::Keyspace& store, const model::KindInfo& kind, WatchOptions options)
        : store_(store), kind_(kind), options_(std::move(options)), waker_(std::make_shared<Waker>())
    {
        if (options_.timeout)
            ends_ = Clock::now() + *options_.timeout;
    }

    Status open()
    {
        if (options_.from)
            return follow(*options_.from);
        if (options_.skip_initial)
            return follow(store_.revision());
        listing_ = true;
        return base::done();
    }

    void on_wake(std::function<void()> wake) override { waker_->set(std::move(wake)); }
    std::optional<Clock::time_point> ends() const override { return ends_; }

    Piece pull() override
    {
        if (ends_ && Clock::now() >= *ends_)
            return {options_.bookmarks ? bookmark(revision(), json::object()) : "", Next::end};
        auto piece = listing_ ? list_piece() : change_piece();
        if (!piece.ok()) // The stream has begun, so the refusal is its last event.
            return {event("ERROR", status_object(piece.error())), Next::end};
        return std::move(piece).value();
    }

private:
    std::string prefix() const
    {
        auto const space = options_.space.empty() ? options_.selector.space() : options_.space;
        auto const name = options_.selector.name();
        if (!kind_.namespaced)
            return name.empty() ? model::storage_prefix(kind_.kind) : model::storage_key({kind_.kind, "", name});
        return space.empty() || name.empty() ? model::storage_prefix(kind_.kind, space)
                                             : model::storage_key({kind_.kind, space, name});
    }

    Status follow(keyspace::Revision from)
    {
        watch_ = TRY(store_.watch(prefix(), from, [waker = waker_] { (*waker)(); }));
        return base::done();
    }

    keyspace::Revision revision() const { return watch_ ? watch_->progress() : listed_; }

    Result<Piece> list_piece()
    {
        auto const page = TRY(store_.list(prefix(), {.limit = most_per_piece, .continue_token = token_, .at = std::nullopt}));
        std::string text;
        for (const auto& record : page.records)
            text += TRY(record_event("ADDED", record, Matching::check));
        listed_ = page.revision;
        token_ = page.continue_token;
        if (!token_.empty())
            return Piece{std::move(text), Next::more};
        listing_ = false;
        TRY(follow(listed_));
        if (options_.mark_initial_end)
            text += bookmark(listed_, {{"k8s.io/initial-events-end", "true"}});
        return Piece{std::move(text), Next::more};
    }

    Result<Piece> change_piece()
    {
        auto const changes = TRY(watch_->take(most_per_piece));
        std::string text;
        for (const auto& change : changes)
            text += TRY(change_event(change));
        return Piece{std::move(text), changes.empty() ? Next::wait : Next::more};
    }

    Result<std::string> change_event(const keyspace::Change& change)
    {
        bool const removed = change.type == keyspace::Change::Type::removed;
        auto const* type = removed ? "DELETED" : change.record.created == change.record.modified ? "ADDED" : "MODIFIED";
        if (options_.selector.empty())
            return record_event(type, change.record, Matching::known);
        bool const before = change.previous && options_.selector.matches(TRY(object_of(*change.previous)));
        bool const now = !removed && options_.selector.matches(TRY(object_of(change.record)));
        if (removed) // A removal carries the last value, which is what the watcher had seen.
            return options_.selector.matches(TRY(object_of(change.record))) ? record_event(type, change.record, Matching::known)
                                                                            : std::string{};
        if (!before && !now)
            return std::string{};
        return record_event(!before ? "ADDED" : now ? "MODIFIED" : "DELETED", change.record, Matching::known);
    }

    enum class Matching { known, check };

    Result<std::string> record_event(const char* type, const keyspace::Record& record, Matching matching)
    {
        bool const check = matching == Matching::check && !options_.selector.empty();
        if (!check && !options_.table)
            return std::string{R"({"type":")"} + type + R"(","object":)" + TRY(text_of(kind_, record)) + "}\n";
        auto const object = TRY(object_of(record));
        if (check && !options_.selector.matches(object))
            return std::string{};
        if (!options_.table)
            return event(type, object);
        json const meta{{"resourceVersion", std::to_string(record.modified)}};
        return event(type, make_table(kind_, {object}, meta, *options_.table));
    }

    static std::string event(const char* type, const json& object)
    {
        return json{{"type", type}, {"object", object}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    }

    std::string bookmark(keyspace::Revision at, json annotations) const
    {
        json object{{"kind", kind_.kind},
                    {"apiVersion", kind_.api_version()},
                    {"metadata", {{"resourceVersion", std::to_string(at)}, {"creationTimestamp", nullptr}}}};
        if (!annotations.empty())
            object["metadata"]["annotations"] = std::move(annotations);
        return event("BOOKMARK", object);
    }

    keyspace::Keyspace& store_;
    const model::KindInfo& kind_;
    WatchOptions options_;
    std::optional<Clock::time_point> ends_;
    std::shared_ptr<Waker> waker_;
    bool listing_ = false;
    std::string token_;
    keyspace::Revision listed_ = 0;
    std::unique_ptr<keyspace::Watch> watch_; // Last: it must go first, so that nobody is woken any more.
};

} // namespace

Result<std::unique_ptr<BodySource>> open_watch(keyspace::Keyspace& store, const model::KindInfo& kind, WatchOptions options)
{
    auto watch = std::make_unique<KindWatch>(store, kind, std::move(options));
    TRY(watch->open());
    return std::unique_ptr<BodySource>{std::move(watch)};
}

} // namespace nova::api
