#include "api/http/http_server.h"

#include <pthread.h>

#include <csignal>
#include <mutex>

#include "api/http/connection.h"
#include "api/status.h"
#include "base/log.h"
#include "sys/local_socket.h"

namespace nova::api::http {
namespace {

using Socket = asio::local::stream_protocol::socket;
using Acceptor = asio::local::stream_protocol::acceptor;

constexpr auto accept_pause = std::chrono::milliseconds{200}; // Out of descriptors: others must close theirs first.
constexpr int most_waiting = 4096;                            // What a listener holds at most, by the kernel's default.

/// While it lives, threads that are made inherit a mask in which signals are for the program's own threads, and a write to a
/// pipe whose reader went is an error, not the end.
class SignalsBlocked {
public:
    SignalsBlocked()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

class AsioServer : public HttpServer {
public:
    AsioServer(Api& api, const Limits& limits, std::optional<std::uint32_t> group)
        : loop_(api, limits), acceptor_(loop_.io), pause_(loop_.io), deadline_(loop_.io), allowed_group_(group)
    {}
    ~AsioServer() override { stop(); }

    Status run(sys::UniqueFd listener)
    {
        error_code error;
        acceptor_.assign({}, listener.get(), error);
        if (error)
            return base::Error{base::Code::invalid_argument, "listen for requests: " + error.message()};
        static_cast<void>(listener.release());
        accept();
        thread_ = std::jthread{[this] { loop_.io.run(); }};
        return base::done();
    }

    void stop() override
    {
        std::call_once(stopped_, [this] {
            if (!thread_.joinable())
                return;
            asio::post(loop_.io, [this] { begin_stop(); });
            thread_.join();
        });
    }

private:
    void accept();
    void accepted(Socket socket);
    void accept_waiting();
    void begin_stop();
    void end_all();
    Identity identify(int socket) const;

    Loop loop_;
    Acceptor acceptor_;
    asio::steady_timer pause_;
    asio::steady_timer deadline_;
    std::optional<std::uint32_t> allowed_group_;
    std::once_flag stopped_;
    std::jthread thread_;
};

void AsioServer::accept()
{
    acceptor_.async_accept([this](error_code error, Socket socket) {
        if (!error)
            accepted(std::move(socket));
        if (loop_.stopping || error == asio::error::operation_aborted)
            return;
        if (!error)
            return accept();
        base::log_warning("accept a connection: " + error.message());
        pause_.expires_after(accept_pause);
        pause_.async_wait([this](error_code cancelled) {
            if (!cancelled)
                accept();
        });
    });
}

void AsioServer::accepted(Socket socket)
{
    auto identity = identify(socket.native_handle());
    if (loop_.tasks.size() >= loop_.limits.connections) {
        auto const refusal = error_response({base::Code::unavailable, "too many connections are open"});
        auto const text = response_head(refusal, refusal.body.size(), /*keep_alive=*/false) + refusal.body;
        error_code ignored; // It fits a fresh socket's buffer; if it does not, closing says enough.
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(text), ignored);
        return;
    }
    auto connection = std::make_shared<Connection>(loop_, local_stream(std::move(socket)), std::move(identity));
    loop_.add(connection);
    connection->start();
    if (loop_.stopping)
        connection->drain();
}

/// Those whom the kernel has let in already may have asked something.
void AsioServer::accept_waiting()
{
    error_code error;
    acceptor_.non_blocking(true, error);
    for (int i = 0; i < most_waiting && !error; ++i) {
        Socket socket{loop_.io};
        acceptor_.accept(socket, error);
        if (!error)
            accepted(std::move(socket));
    }
}

Identity AsioServer::identify(int socket) const
{
    auto const peer = sys::peer_of(socket);
    if (!peer.ok())
        return {"unknown peer", false};
    auto const& who = peer.value();
    bool const member = allowed_group_ && (who.gid == *allowed_group_ ||
                                           std::find(who.groups.begin(), who.groups.end(), *allowed_group_) != who.groups.end());
    return {"uid " + std::to_string(who.uid), who.uid == 0 || who.uid == ::geteuid() || member};
}

void AsioServer::begin_stop()
{
    loop_.stopping = true;
    loop_.idle = [this] { asio::post(loop_.io, [this] { deadline_.cancel(); }); };
    accept_waiting();
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    deadline_.expires_after(loop_.limits.drain);
    deadline_.async_wait([this](error_code cancelled) {
        if (!cancelled)
            end_all();
    });
    auto const tasks = loop_.tasks; // They leave the set as they end.
    for (const auto& task : tasks)
        task->drain();
    if (loop_.tasks.empty())
        deadline_.cancel();
}

/// What did not come to an end is cut off. The loop runs out by itself when nothing is left.
void AsioServer::end_all()
{
    auto const tasks = loop_.tasks;
    for (const auto& task : tasks)
        task->close();
}

} // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(sys::UniqueFd listener, Api& api, const Limits& limits,
                                                      std::optional<std::uint32_t> allowed_group)
{
    SignalsBlocked const blocked;
    auto server = std::make_unique<AsioServer>(api, limits, allowed_group);
    TRY(server->run(std::move(listener)));
    return std::unique_ptr<HttpServer>{std::move(server)};
}

} // namespace nova::api::http
