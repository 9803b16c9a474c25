#include "api/server.h"

#include <fcntl.h>

#include "api/api.h"
#include "api/http/http_server.h"
#include "sys/local_socket.h"

namespace nova::api {
namespace {

constexpr auto group_name = "nova";
constexpr unsigned socket_mode = 0660;

class LocalServer : public Server {
public:
    LocalServer(keyspace::Keyspace& store, Streams& streams) : api_(store, streams) {}
    ~LocalServer() override { stop(); }

    Status run(Options options)
    {
        TRY(api_.objects().ensure_default_namespace().context("make the namespace default"));
        auto const group = sys::find_group(group_name);
        if (!options.listener) {
            auto const owner = ::geteuid() == 0 ? group : std::nullopt; // Another user can't give files away.
            listener_ = std::make_unique<sys::LocalListener>(TRY(sys::LocalListener::open(options.socket, socket_mode, owner)));
            options.listener = sys::UniqueFd{::fcntl(listener_->fd(), F_DUPFD_CLOEXEC, 0)};
        }
        server_ = TRY(http::HttpServer::start(std::move(options.listener), api_, options.limits, group));
        return base::done();
    }

    void stop() override
    {
        listener_.reset(); // First the path: who connects from now on finds nobody, not a server that is going.
        if (server_)
            server_->stop();
    }

private:
    Api api_;
    std::unique_ptr<sys::LocalListener> listener_;
    std::unique_ptr<http::HttpServer> server_; // Last: it uses the rest.
};

} // namespace

Result<std::unique_ptr<Server>> Server::start(Options options, keyspace::Keyspace& store, Streams& streams)
{
    auto server = std::make_unique<LocalServer>(store, streams);
    TRY(server->run(std::move(options)).context("start the API"));
    return std::unique_ptr<Server>{std::move(server)};
}

} // namespace nova::api
