#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "client/event_stream.h"
#include "client/request.h"
#include "client/session.h"
#include "client/text_stream.h"
#include "model/object.h"
#include "model/registry.h"

/// The typed client of our API, for the command line, the GUI and tests. What the server refuses comes back as a base::Error with
/// its class, its message and its causes as the server said them.
namespace nova::client {

using base::Result;
using base::Status;
using nlohmann::json;

struct ObjectList {
    std::vector<json> items;
    std::uint64_t revision = 0; ///< Watch from here, and nothing is missed.
};

struct Selection {
    std::string space{};  ///< Empty: all namespaces.
    std::string labels{}; ///< "app=web,tier in (a,b)"
    std::string fields{}; ///< "status.phase=Running"
};

struct WriteOptions {
    bool dry_run = false;
};

struct LogOptions {
    bool follow = false;
    bool timestamps = false;
    std::optional<std::uint64_t> tail_lines{};
    std::string since{}; ///< RFC 3339
    std::optional<std::uint64_t> limit_bytes{};
};

struct ExecOptions {
    std::vector<std::string> command{};
    bool terminal = false;
    bool in = true; ///< Whether it gets an input.
    std::string user{};
    std::string working_dir{};
    std::vector<std::string> env{}; ///< "K=V"
};

enum class PatchType { merge, operations };
enum class Effect; // Of a request: see patience.h.

class HttpConnection;

/// Keeps one connection for plain requests; each stream and session gets its own. A server that ends, or is started anew, breaks
/// connections: what only reads, or did not go out whole, is then sent again. Not safe from two threads at once.
class Client {
public:
    struct Options {
        std::chrono::milliseconds request_time{30000}; ///< For one plain request.
        /// Instead of sending, hand the request over (--curl): the call then fails with `cancelled`.
        std::function<void(const Request&)> instead;
        /// Called where nobody listens any more: returns once somebody does. Empty: then it is an error.
        std::function<Status()> revive{};
    };

    /// Errors: unavailable - nobody listens there; permission_denied; as `revive`.
    static Result<Client> connect(std::string socket, Options options);
    static Result<Client> connect(std::string socket);

    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    Result<json> get(const model::Key& key);
    Result<ObjectList> list(std::string_view kind, const Selection& selection = {}); ///< All pages, as of one revision.

    Result<json> create(const json& object, const WriteOptions& options = {}); ///< Where: its kind, namespace and name say.
    Result<json> replace(const json& object,
                         const WriteOptions& options = {}); ///< With a resourceVersion: aborted where it is stale.
    Result<json> replace_status(const json& object);
    Result<json> patch(const model::Key& key, const json& patch, PatchType type = PatchType::merge,
                       const WriteOptions& options = {});
    Result<json> patch_status(const model::Key& key, const json& patch, PatchType type = PatchType::merge);

    /// The object with its mark of deletion, or a Status where it is gone at once.
    Result<json> remove(const model::Key& key);
    Result<ObjectList> remove_all(std::string_view kind, const Selection& selection); ///< In one namespace.

    Result<EventStream> watch(std::string_view kind, const WatchOptions& options = {}, const Selection& selection = {});
    Result<TextStream> log(const model::Key& workload, const LogOptions& options = {});
    Result<Session> exec(const model::Key& pod, const ExecOptions& options);
    Result<Session> attach(const model::Key& workload); ///< The console of a machine, the terminal of a capsule.

    Result<json> version();
    Result<json> table(std::string_view kind, const Selection& selection = {}); ///< meta.k8s.io Table.

    /// Anything else. The body of a good answer.
    Result<std::string> send(const Request& request);

    const std::string& socket() const { return socket_; }

private:
    Client(std::string socket, Options options, std::unique_ptr<HttpConnection> connection);

    Result<json> send_json(const Request& request);
    Result<std::string> send_once(const Request& request);
    Result<std::unique_ptr<HttpConnection>> reach();
    Result<std::unique_ptr<HttpConnection>> open_stream(const Request& request);
    Result<std::unique_ptr<HttpConnection>> open_stream_on(std::unique_ptr<HttpConnection> connection, const Request& request);
    Result<Session> open_session(Request request, bool in, Effect effect);
    Result<Session> open_session_on(std::unique_ptr<HttpConnection> connection, const Request& request);
    Result<json> write_object(const json& object, std::string method, const std::string& subresource,
                              const WriteOptions& options);

    std::string socket_;
    Options options_;
    std::unique_ptr<HttpConnection> connection_;
};

} // namespace nova::client
