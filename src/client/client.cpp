#include "client/client.h"

#include "base/websocket_frame.h"
#include "client/http_connection.h"
#include "client/paths.h"
#include "client/patience.h"
#include "client/status.h"
#include "sys/random.h"

namespace nova::client {
namespace {

constexpr std::size_t most_answer = 256u << 20;
constexpr auto page_size = "500";

std::string flag(bool set) { return set ? "true" : ""; }

std::string number(const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : ""; }

Result<json> parse(const std::string& body)
{
    auto parsed = json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (parsed.is_discarded())
        return base::Error{base::Code::data_loss, "the server's answer is no JSON"};
    return parsed;
}

Request select(Request request, const Selection& selection)
{
    return std::move(request).with("labelSelector", selection.labels).with("fieldSelector", selection.fields);
}

std::uint64_t revision_of(const json& object)
{
    auto const text = object.value("/metadata/resourceVersion"_json_pointer, std::string{});
    std::uint64_t revision = 0;
    for (char const digit : text)
        revision = digit >= '0' && digit <= '9' ? revision * 10 + static_cast<std::uint64_t>(digit - '0') : 0;
    return revision;
}

Result<model::Key> key_of(const json& object)
{
    auto const text = [&](const char* pointer) { return object.value(json::json_pointer{pointer}, std::string{}); };
    if (!object.is_object() || !object.contains("kind") || !object["kind"].is_string())
        return base::Error{base::Code::invalid_argument, "the object has no kind"};
    const auto& kind = *TRY(kind_named(object["kind"].get<std::string>()));
    auto const space = text("/metadata/namespace");
    return model::Key{kind.kind, kind.namespaced ? (space.empty() ? "default" : space) : "", text("/metadata/name")};
}

} // namespace

Client::Client(std::string socket, Options options, std::unique_ptr<HttpConnection> connection)
    : socket_(std::move(socket)), options_(std::move(options)), connection_(std::move(connection))
{}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(std::string socket) { return connect(std::move(socket), Options{}); }

Result<Client> Client::connect(std::string socket, Options options)
{
    if (options.instead)
        return Client{std::move(socket), std::move(options), nullptr}; // Nobody is asked.
    Client client{std::move(socket), std::move(options), nullptr};
    client.connection_ = TRY(client.reach());
    return client;
}

Result<std::unique_ptr<HttpConnection>> Client::reach()
{
    auto connection = HttpConnection::connect(socket_);
    if (failed_with(connection, base::Code::unavailable) && options_.revive) {
        TRY(options_.revive());
        connection = HttpConnection::connect(socket_);
    }
    return std::make_unique<HttpConnection>(TRY(std::move(connection)));
}

Result<std::string> Client::send_once(const Request& request)
{
    auto const deadline = base::Deadline::after(options_.request_time);
    auto const sent = connection_->send(request, deadline);
    auto head = connection_->read_head(deadline);
    if (!head.ok()) // A server that refuses early answers before it has read everything: that answer comes first.
        return sent.ok() ? std::move(head).take_error() : sent.error();
    auto body = TRY(connection_->read_body(deadline, most_answer));
    if (head.value().status >= 300)
        return error_of(head.value().status, body);
    return body;
}

Result<std::string> Client::send(const Request& request)
{
    if (options_.instead) {
        options_.instead(request);
        return base::Error{base::Code::cancelled, "the request was shown, not sent"};
    }
    Patience patience{effect_of(request)};
    while (true) {
        if (!connection_ || !connection_->reusable())
            connection_ = TRY(reach());
        auto answer = send_once(request);
        if (answer.ok() || !patience.again(answer.error()))
            return answer;
    }
}

Result<json> Client::send_json(const Request& request) { return parse(TRY(send(request))); }

Result<json> Client::get(const model::Key& key) { return send_json({.path = TRY(object_path(key))}); }

Result<ObjectList> Client::list(std::string_view kind, const Selection& selection)
{
    auto const path = collection_path(*TRY(kind_named(kind)), selection.space);
    ObjectList list;
    std::string token;
    do {
        auto request = select({.path = path}, selection);
        auto page = TRY(send_json(std::move(request).with("limit", page_size).with("continue", token)));
        list.revision = revision_of(page);
        token = page.value("/metadata/continue"_json_pointer, std::string{});
        if (!page.contains("items") || !page["items"].is_array())
            return base::Error{base::Code::data_loss, "the server's answer is no list"};
        for (auto& item : page["items"])
            list.items.push_back(std::move(item));
    } while (!token.empty());
    return list;
}

Result<json> Client::table(std::string_view kind, const Selection& selection)
{
    auto request = select({.path = collection_path(*TRY(kind_named(kind)), selection.space)}, selection);
    request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    return send_json(request);
}

Result<json> Client::create(const json& object, const WriteOptions& options)
{
    auto const key = TRY(key_of(object));
    auto const* const kind = TRY(kind_named(key.kind));
    Request request{.method = "POST", .path = collection_path(*kind, key.space)};
    request.body = object.dump();
    return send_json(std::move(request).with("dryRun", options.dry_run ? "All" : ""));
}

Result<json> Client::write_object(const json& object, std::string method, const std::string& subresource,
                                  const WriteOptions& options)
{
    auto const key = TRY(key_of(object));
    auto path = TRY(object_path(key, subresource));
    Request request{.method = std::move(method), .path = std::move(path)};
    request.body = object.dump();
    return send_json(std::move(request).with("dryRun", options.dry_run ? "All" : ""));
}

Result<json> Client::replace(const json& object, const WriteOptions& options) { return write_object(object, "PUT", "", options); }
Result<json> Client::replace_status(const json& object) { return write_object(object, "PUT", "status", {}); }

namespace {

Result<Request> patch_request(const model::Key& key, const json& patch, PatchType type, const std::string& subresource)
{
    auto path = TRY(object_path(key, subresource));
    Request request{.method = "PATCH", .path = std::move(path)};
    request.content_type = type == PatchType::merge ? "application/merge-patch+json" : "application/json-patch+json";
    request.body = patch.dump();
    return request;
}

} // namespace

Result<json> Client::patch(const model::Key& key, const json& patch, PatchType type, const WriteOptions& options)
{
    return send_json(TRY(patch_request(key, patch, type, "")).with("dryRun", options.dry_run ? "All" : ""));
}

Result<json> Client::patch_status(const model::Key& key, const json& patch, PatchType type)
{
    return send_json(TRY(patch_request(key, patch, type, "status")));
}

Result<json> Client::remove(const model::Key& key)
{
    auto path = TRY(object_path(key));
    return send_json({.method = "DELETE", .path = std::move(path)});
}

Result<ObjectList> Client::remove_all(std::string_view kind, const Selection& selection)
{
    auto const path = collection_path(*TRY(kind_named(kind)), selection.space);
    auto answer = TRY(send_json(select({.method = "DELETE", .path = path}, selection)));
    return ObjectList{answer.value("items", std::vector<json>{}), revision_of(answer)};
}

Result<json> Client::version() { return send_json({.path = "/version"}); }

// ---- streams --------------------------------------------------------------------------------------------------------------

namespace {

base::Error refusal(HttpConnection& connection, int status, base::Deadline deadline)
{
    auto const body = connection.read_body(deadline, most_answer);
    return body.ok() ? error_of(status, body.value()) : body.error();
}

} // namespace

Result<std::unique_ptr<HttpConnection>> Client::open_stream(const Request& request)
{
    if (options_.instead) {
        options_.instead(request);
        return base::Error{base::Code::cancelled, "the request was shown, not sent"};
    }
    Patience patience{effect_of(request)};
    while (true) {
        auto stream = open_stream_on(TRY(reach()), request);
        if (stream.ok() || !patience.again(stream.error()))
            return stream;
    }
}

Result<std::unique_ptr<HttpConnection>> Client::open_stream_on(std::unique_ptr<HttpConnection> connection, const Request& request)
{
    auto const deadline = base::Deadline::after(options_.request_time);
    TRY(connection->send(request, deadline));
    auto const head = TRY(connection->read_head(deadline));
    if (head.status != 200)
        return refusal(*connection, head.status, deadline);
    return connection;
}

Result<EventStream> Client::watch(std::string_view kind, const WatchOptions& options, const Selection& selection)
{
    auto request = select({.path = collection_path(*TRY(kind_named(kind)), selection.space)}, selection);
    bool const initial_end = options.initial_end && options.from == 0;
    request = std::move(request)
                  .with("watch", "true")
                  .with("resourceVersion", options.from > 0 ? std::to_string(options.from) : "")
                  .with("allowWatchBookmarks", flag(options.bookmarks || initial_end))
                  .with("sendInitialEvents", flag(initial_end))
                  .with("resourceVersionMatch", initial_end ? "NotOlderThan" : "")
                  .with("timeoutSeconds", options.timeout ? std::to_string(options.timeout->count()) : "");
    return EventStream{TRY(open_stream(request))};
}

Result<TextStream> Client::log(const model::Key& workload, const LogOptions& options)
{
    Request request{.path = TRY(object_path(workload, "log")), .accept = "text/plain, application/json"};
    request = std::move(request)
                  .with("follow", flag(options.follow))
                  .with("timestamps", flag(options.timestamps))
                  .with("tailLines", number(options.tail_lines))
                  .with("sinceTime", options.since)
                  .with("limitBytes", number(options.limit_bytes));
    return TextStream{TRY(open_stream(request))};
}

Result<Session> Client::open_session(Request request, bool in, Effect effect)
{
    request = std::move(request).with("stdin", flag(in)).with("stdout", "true").with("stderr", "true");
    if (options_.instead) {
        options_.instead(request);
        return base::Error{base::Code::cancelled, "the request was shown, not sent"};
    }
    Patience patience{effect};
    while (true) {
        auto session = open_session_on(TRY(reach()), request);
        if (session.ok() || !patience.again(session.error()))
            return session;
    }
}

Result<Session> Client::open_session_on(std::unique_ptr<HttpConnection> connection, const Request& request)
{
    auto const deadline = base::Deadline::after(options_.request_time);
    auto const key = base::to_base64(sys::random_hex(16));
    TRY(connection->send(request, deadline,
                         "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key +
                             "\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n"));
    auto const head = TRY(connection->read_head(deadline));
    if (head.status != 101)
        return refusal(*connection, head.status, deadline);
    if (head.header("sec-websocket-accept") != base::websocket_accept(key))
        return base::Error{base::Code::data_loss, "the server's WebSocket handshake is wrong"};
    auto buffered = connection->take_buffer();
    return Session{std::move(connection), std::move(buffered)};
}

Result<Session> Client::exec(const model::Key& pod, const ExecOptions& options)
{
    Request request{.path = TRY(object_path(pod, "exec"))};
    for (const auto& argument : options.command)
        request.query.emplace_back("command", argument);
    for (const auto& variable : options.env)
        request.query.emplace_back("env", variable);
    request =
        std::move(request).with("tty", flag(options.terminal)).with("user", options.user).with("workingDir", options.working_dir);
    return open_session(std::move(request), options.in, Effect::some);
}

Result<Session> Client::attach(const model::Key& workload)
{
    return open_session({.path = TRY(object_path(workload, workload.kind == "Pod" ? "attach" : "console"))}, true, Effect::none);
}

} // namespace nova::client
