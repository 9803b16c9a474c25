#include "client/event_stream.h"

#include <charconv>

#include "client/http_connection.h"
#include "client/status.h"

namespace nova::client {
namespace {

using nlohmann::json;

constexpr std::size_t most_event = 16u << 20;

const json& metadata(const json& object)
{
    static const json none = json::object();
    auto const found = object.is_object() ? object.find("metadata") : object.end();
    return found != object.end() && found->is_object() ? *found : none;
}

} // namespace

std::uint64_t Event::revision() const
{
    const auto& meta = metadata(object);
    if (!meta.contains("resourceVersion") || !meta["resourceVersion"].is_string())
        return 0;
    auto const& text = meta["resourceVersion"].get_ref<const std::string&>();
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

bool Event::ends_initial() const
{
    const auto& meta = metadata(object);
    return type == Type::bookmark && meta.contains("annotations") && meta["annotations"].contains("k8s.io/initial-events-end");
}

EventStream::EventStream(std::unique_ptr<HttpConnection> connection) : connection_(std::move(connection)) {}
EventStream::EventStream(EventStream&&) noexcept = default;
EventStream& EventStream::operator=(EventStream&&) noexcept = default;
EventStream::~EventStream() = default;

int EventStream::fd() const { return connection_->fd(); }

base::Result<std::optional<Event>> EventStream::next(base::Deadline deadline)
{
    while (true) {
        if (auto const end = buffer_.find('\n'); end != std::string::npos) {
            auto const line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            auto event = TRY(parse(line));
            revision_ = std::max(revision_, event.revision());
            return std::optional{std::move(event)};
        }
        if (buffer_.size() > most_event)
            return base::Error{base::Code::data_loss, "the server sent an event without an end"};
        auto const piece = TRY(connection_->read_some(deadline));
        if (piece.empty())
            return std::optional<Event>{};
        buffer_ += piece;
    }
}

base::Result<Event> EventStream::parse(const std::string& line)
{
    auto event = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!event.is_object() || !event.contains("type") || !event["type"].is_string() || !event.contains("object"))
        return base::Error{base::Code::data_loss, "the server sent what is no event"};
    auto const type = event["type"].get<std::string>();
    auto& object = event["object"];
    if (type == "ADDED")
        return Event{Event::Type::added, std::move(object)};
    if (type == "MODIFIED")
        return Event{Event::Type::modified, std::move(object)};
    if (type == "DELETED")
        return Event{Event::Type::removed, std::move(object)};
    if (type == "BOOKMARK")
        return Event{Event::Type::bookmark, std::move(object)};
    return error_of(object);
}

base::Status EventStream::each(base::Deadline deadline, const std::function<bool(const Event&)>& use)
{
    while (true) {
        auto event = next(deadline);
        if (failed_with(event, base::Code::deadline_exceeded))
            return base::done();
        auto const got = TRY(std::move(event));
        if (!got || !use(*got))
            return base::done();
    }
}

} // namespace nova::client
