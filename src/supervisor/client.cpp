#include "supervisor/client.h"

#include <poll.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "supervisor/protocol.h"
#include "supervisor/record.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

namespace nova::supervisor {

using base::Code;
using base::Deadline;
using base::Error;
using nlohmann::json;

namespace {

constexpr auto start_within = std::chrono::seconds{15}; ///< A supervisor, until it answers.
constexpr auto answer_within = std::chrono::seconds{15};
constexpr auto launch_within = std::chrono::minutes{3}; ///< The supervisor gives a launcher up before that.
constexpr auto first_pause = std::chrono::milliseconds{20};
constexpr auto longest_pause = std::chrono::seconds{2};

struct Reply {
    json ok;
    std::vector<sys::UniqueFd> fds;
};

/// True where the connection broke: the supervisor died or replaced itself, and what was asked may or may not have been done.
bool is_broken(const Error& error) { return error.code() == Code::unavailable && error.errnum() != EAGAIN; }

Error broken() { return {Code::unavailable, "the supervisor broke the connection"}; }

/// False: the deadline passed, or `stop` (-1: none) became readable.
bool wait_readable(int fd, Deadline deadline, int stop = -1)
{
    pollfd entries[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
    while (true) {
        int const ready = ::poll(entries, 2, deadline.poll_timeout_ms());
        if (ready < 0 && errno == EINTR)
            continue;
        return ready > 0 && entries[1].revents == 0;
    }
}

Result<Reply> ask(const sys::UniqueFd& socket, json request, std::chrono::nanoseconds within, std::span<const int> fds = {})
{
    request["version"] = protocol_version;
    TRY(sys::send_message(socket.get(), to_text(request), fds));
    if (!wait_readable(socket.get(), Deadline::after(within)))
        return Error{Code::deadline_exceeded, "the supervisor does not answer"};
    auto message = TRY(sys::receive_message(socket.get(), 2 * most_message_bytes));
    if (!message)
        return broken();
    return Reply{TRY(parse_answer(message->text)), std::move(message->fds)};
}

class SocketClient final : public Client {
public:
    explicit SocketClient(Options options) : options_(std::move(options)), directory_(options_.run_directory + "/supervisor") {}
    ~SocketClient() override { stop_listening(); }

    Result<sys::UniqueFd> connect();

    Result<model::ProcessStatus> start(const model::ProcessSpec& spec) override;
    Result<std::vector<model::ProcessStatus>> list() override;
    Result<model::ProcessStatus> get(const std::string& id) override;
    Status signal(const std::string& id, int signal) override;
    Status forget(const std::string& id) override;
    Result<ExecSession> exec(const ExecSpec& spec) override;
    Result<AttachSession> attach(const std::string& id) override;
    Status resize(const std::string& id, std::uint16_t columns, std::uint16_t rows) override;
    void on_change(std::function<void(const std::string& id)> call) override;
    Status upgrade(const sys::UniqueFd& program) override;
    Status shut_down() override;

private:
    /// One that stands still is waited for no longer than one that does not answer.
    Result<sys::UniqueFd> reach() const
    {
        return sys::connect_unix(socket_path(directory_), sys::SocketKind::packets, answer_within);
    }
    Status start_supervisor();
    Result<Reply> call(const json& request, std::chrono::nanoseconds within = answer_within);
    Result<Reply> call_again(const json& request);
    Status call_to_an_end(const json& request);
    Result<sys::UniqueFd> subscribe();
    void listen(const std::function<void(const std::string& id)>& tell);
    void listen_once(const std::function<void(const std::string& id)>& tell, std::chrono::milliseconds& pause);
    void stop_listening();

    Options options_;
    std::string directory_;
    std::mutex starting_;
    std::atomic<bool> shut_down_ = false;
    std::jthread listener_;
    std::pair<sys::UniqueFd, sys::UniqueFd> stop_; ///< Its second end becomes readable when the first is closed.
};

Status SocketClient::start_supervisor()
{
    std::lock_guard const lock{starting_};
    if (reach().ok())
        return base::done(); // Another thread was ahead.
    sys::RunSpec run;
    run.child = {.program_fd = options_.program, .argv = {"nb", "supervise", "--daemonize", "--directory", directory_}};
    run.child.env.emplace();
    run.child.cwd = "/";
    run.deadline = Deadline::after(start_within);
    TRY(sys::run_child_that_succeeds(run).context("start a supervisor"));
    return base::done();
}

Result<sys::UniqueFd> SocketClient::connect()
{
    auto const deadline = Deadline::after(start_within);
    while (true) {
        auto socket = reach();
        if (socket.ok())
            return socket;
        bool const none_there = socket.error().code() == Code::not_found || socket.error().code() == Code::unavailable;
        if (!none_there || deadline.passed())
            return socket;
        TRY(start_supervisor());
        if (auto again = reach(); again.ok())
            return again;
        std::this_thread::sleep_for(first_pause); // One holds the lock but does not listen yet, or not any more.
    }
}

Result<Reply> SocketClient::call(const json& request, std::chrono::nanoseconds within)
{
    auto const socket = TRY(connect());
    return ask(socket, request, within);
}

/// For calls that may be made twice. Who dies closes one socket after the other: for a moment there is still one to connect to.
Result<Reply> SocketClient::call_again(const json& request)
{
    auto const deadline = Deadline::after(start_within);
    while (true) {
        auto reply = call(request);
        if (reply.ok() || !is_broken(reply.error()) || deadline.passed())
            return reply;
        std::this_thread::sleep_for(first_pause);
    }
}

/// For calls that leave nothing to be called again: not_found then says that who died over the first has done it.
Status SocketClient::call_to_an_end(const json& request)
{
    auto reply = call(request);
    bool const repeats = !reply.ok() && is_broken(reply.error());
    if (repeats)
        reply = call_again(request);
    if (repeats && failed_with(reply, Code::not_found))
        return base::done();
    TRY(std::move(reply));
    return base::done();
}

Result<model::ProcessStatus> SocketClient::start(const model::ProcessSpec& spec)
{
    json const request{{"call", "start"}, {"spec", to_json(spec)}};
    auto reply = call(request, launch_within);
    auto const deadline = Deadline::after(start_within);
    while (!reply.ok() && is_broken(reply.error()) && !deadline.passed()) {
        auto const found = get(spec.id); // The one who died may have done it.
        if (found.ok() && found.value().state == model::ProcessStatus::State::running && spec.pid_file.empty())
            return found;
        reply = call(request, launch_within);
        if (failed_with(reply, Code::already_exists))
            return get(spec.id);
    }
    return parse_status(TRY(std::move(reply)).ok);
}

Result<std::vector<model::ProcessStatus>> SocketClient::list()
{
    std::vector<model::ProcessStatus> statuses;
    while (true) {
        auto const after = statuses.empty() ? "" : statuses.back().id;
        auto const reply = TRY(call_again({{"call", "list"}, {"after", after}}));
        for (const auto& item : reply.ok.value("processes", json::array()))
            statuses.push_back(TRY(parse_status(item)));
        if (!reply.ok.value("more", false) || statuses.empty())
            return statuses;
    }
}

Result<model::ProcessStatus> SocketClient::get(const std::string& id)
{
    return parse_status(TRY(call_again({{"call", "get"}, {"id", id}})).ok);
}

Status SocketClient::signal(const std::string& id, int signal)
{
    return call_to_an_end({{"call", "signal"}, {"id", id}, {"signal", signal}});
}

Status SocketClient::forget(const std::string& id) { return call_to_an_end({{"call", "forget"}, {"id", id}}); }

Result<ExecSession> SocketClient::exec(const ExecSpec& spec)
{
    auto reply = TRY(call({{"call", "exec"},
                           {"id", spec.id},
                           {"argv", spec.argv},
                           {"terminal", spec.terminal},
                           {"columns", spec.columns},
                           {"rows", spec.rows}}));
    if (reply.fds.size() != (spec.terminal ? 3u : 4u))
        return Error{Code::internal, "exec: the supervisor sent too few descriptors"};
    ExecSession session;
    session.in = std::move(reply.fds[0]);
    session.out = std::move(reply.fds[1]);
    if (!spec.terminal)
        session.err = std::move(reply.fds[2]);
    session.exit = std::move(reply.fds.back());
    return session;
}

Result<AttachSession> SocketClient::attach(const std::string& id)
{
    auto reply = TRY(call_again({{"call", "attach"}, {"id", id}}));
    if (reply.fds.size() != 1)
        return Error{Code::internal, "attach: the supervisor sent no descriptor"};
    return AttachSession{std::move(reply.fds.front())};
}

Status SocketClient::resize(const std::string& id, std::uint16_t columns, std::uint16_t rows)
{
    TRY(call_again({{"call", "resize"}, {"id", id}, {"columns", columns}, {"rows", rows}}));
    return base::done();
}

Status SocketClient::upgrade(const sys::UniqueFd& program)
{
    auto const socket = TRY(connect());
    int const fds[] = {program.get()};
    TRY(ask(socket, {{"call", "upgrade"}}, answer_within, fds));
    return base::done();
}

Status SocketClient::shut_down()
{
    shut_down_ = true; // Before it is gone, so that the listener does not start another.
    auto socket = reach();
    if (failed_with(socket, Code::not_found) || failed_with(socket, Code::unavailable))
        return base::done();
    auto const reply = ask(TRY(std::move(socket)), {{"call", "shut_down"}}, answer_within);
    if (!reply.ok() && !is_broken(reply.error())) {
        shut_down_ = false;
        return reply.error();
    }
    return base::done();
}

void SocketClient::on_change(std::function<void(const std::string& id)> tell)
{
    stop_listening();
    if (!tell)
        return;
    auto stop = sys::socket_pair(sys::SocketKind::stream);
    if (!stop.ok()) {
        base::log_error("listen to the supervisor: " + stop.error().message());
        return;
    }
    stop_ = std::move(stop).value();
    listener_ = std::jthread{[this, tell = std::move(tell)] { listen(tell); }};
}

void SocketClient::stop_listening()
{
    stop_.first.reset();
    if (listener_.joinable())
        listener_.join();
}

Result<sys::UniqueFd> SocketClient::subscribe()
{
    auto socket = TRY(connect());
    TRY(ask(socket, {{"call", "subscribe"}}, answer_within));
    return socket;
}

void SocketClient::listen(const std::function<void(const std::string& id)>& tell)
{
    std::chrono::milliseconds pause{0};
    // The pause ends early, and with it the loop, when stop_ becomes readable.
    while (!shut_down_ && !wait_readable(stop_.second.get(), Deadline::after(pause)))
        listen_once(tell, pause);
}

void SocketClient::listen_once(const std::function<void(const std::string& id)>& tell, std::chrono::milliseconds& pause)
{
    auto const socket = subscribe();
    if (!socket.ok()) {
        if (pause < first_pause)
            base::log_warning("listen to the supervisor: " + socket.error().message());
        pause = std::min<std::chrono::milliseconds>(std::max<std::chrono::milliseconds>(pause * 2, first_pause), longest_pause);
        return;
    }
    pause = std::chrono::milliseconds{0};
    tell("");
    while (wait_readable(socket.value().get(), Deadline::never(), stop_.second.get())) {
        auto const message = sys::receive_message(socket.value().get());
        if (!message.ok() || !message.value())
            return;
        auto const news = json::parse(message.value()->text, nullptr, false);
        if (news.is_object() && news.contains("changed") && news["changed"].is_string())
            tell(news["changed"].get<std::string>());
    }
}

} // namespace

Result<std::unique_ptr<Client>> connect(const Options& options)
{
    auto client = std::make_unique<SocketClient>(options);
    TRY(client->connect());
    return std::unique_ptr<Client>{std::move(client)};
}

} // namespace nova::supervisor
