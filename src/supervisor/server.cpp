#include "supervisor/server.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>

#include "base/log.h"
#include "supervisor/protocol.h"
#include "sys/file.h"
#include "sys/local_socket.h"
#include "sys/pidfd.h"

namespace nova::supervisor {

using base::Code;
using base::Error;
using nlohmann::json;

namespace {

constexpr std::size_t most_connections = 512;
constexpr auto retry_log_after = std::chrono::seconds{1};

} // namespace

Server::Server(std::string directory, Handles handles, sys::Loop loop, sys::SignalFd signals)
    : directory_(std::move(directory)),
      handles_(std::move(handles)),
      loop_(std::move(loop)),
      signals_(std::move(signals)),
      keeper_(directory_, handles_.program.get()),
      around_{loop_,
              keeper_,
              handles_.program.get(),
              directory_ + "/processes",
              {},
              [this](Process& process) { on_changed(process); }}
{}

Result<std::unique_ptr<Server>> Server::open(std::string directory, Handles handles)
{
    auto loop = TRY(sys::Loop::open());
    auto signals = TRY(sys::SignalFd::open({SIGCHLD, SIGTERM, SIGINT}));
    std::unique_ptr<Server> server{new Server{std::move(directory), std::move(handles), std::move(loop), std::move(signals)}};
    TRY(server->prepare());
    server->adopt_all();
    return server;
}

Status Server::prepare()
{
    around_.boot = TRY(sys::boot_id());
    TRY(sys::make_directories(around_.directory, 0700));
    TRY(sys::set_nonblocking(handles_.listener.get()));
    watches_.push_back(TRY(loop_.watch(handles_.listener.get(), sys::Interest::read, [this](sys::Ready) { accept(); })));
    watches_.push_back(TRY(loop_.watch(signals_.fd(), sys::Interest::read, [this](sys::Ready) { on_signal(); })));
    open_spare();
    keeper_.on_disconnect([this] { keeper_watch_.reset(); });
    keeper_.find();
    return base::done();
}

void Server::adopt_all()
{
    auto const ids = sys::list_directory(around_.directory);
    if (!ids.ok())
        return;
    for (const auto& id : ids.value()) {
        auto adopted = Process::adopt(around_, id);
        if (adopted.ok()) {
            processes_[id] = std::move(adopted).value();
            continue;
        }
        base::log_warning("adopt " + id + ": " + adopted.error().message());
        // A start that was cut off before its process was on record: it never ran.
        if (!sys::exists(around_.directory + "/" + id + "/record.json"))
            (void)sys::remove_tree(around_.directory + "/" + id).ok();
    }
}

int Server::run()
{
    while (!done_) {
        look_after_keeper();
        auto const ran = loop_.run_once(next_deadline());
        if (!ran.ok()) {
            base::log_error(ran.error().message());
            return 1;
        }
        on_time();
        reap_orphans();
        close_dead();
    }
    return 0;
}

void Server::accept()
{
    auto accepted = sys::accept_unix(handles_.listener.get(), sys::SocketMode::nonblocking);
    if (!accepted.ok() && spare_) // Else we would be told of him again and again, and he nothing.
        return refuse_one(accepted.error());
    if (!accepted.ok() || !accepted.value())
        return;
    auto socket = std::move(*accepted.value());
    auto const peer = sys::peer_of(socket.get());
    bool const is_allowed = peer.ok() && (peer.value().uid == ::geteuid() || peer.value().uid == 0);
    if (!is_allowed || connections_.size() >= most_connections) {
        auto const why = is_allowed ? Error{Code::resource_exhausted, "the supervisor has too many connections"}
                                    : Error{Code::permission_denied, "the supervisor serves its own user"};
        (void)sys::send_message(socket.get(), error_answer(why)).ok();
        return;
    }
    auto const number = ++last_connection_;
    auto watch = loop_.watch(socket.get(), sys::Interest::read, [this, number](sys::Ready) { on_message(number); });
    if (watch.ok())
        connections_[number] = {std::move(socket), std::move(watch).value()};
}

void Server::refuse_one(const Error& why)
{
    spare_.reset();
    auto accepted = sys::accept_unix(handles_.listener.get(), sys::SocketMode::nonblocking);
    if (accepted.ok() && accepted.value())
        (void)sys::send_message(accepted.value()->get(), error_answer(why)).ok();
    accepted = std::optional<sys::UniqueFd>{};
    open_spare();
}

void Server::open_spare()
{
    if (auto spare = sys::open_file("/dev/null", O_RDONLY); spare.ok())
        spare_ = std::move(spare).value();
}

void Server::on_message(std::uint64_t number)
{
    auto const found = connections_.find(number);
    if (found == connections_.end())
        return;
    auto message = sys::receive_message(found->second.socket.get(), most_message_bytes);
    if (message.ok() && message.value())
        return answer(number, std::move(*message.value()));
    if (!message.ok() && message.error().errnum() == EAGAIN)
        return;
    if (!message.ok())
        send(number, error_answer(message.error()));
    dead_.push_back(number);
}

void Server::answer(std::uint64_t number, sys::Message message)
{
    auto request = json::parse(message.text, nullptr, false);
    message.text = {};
    if (!request.is_object()) {
        send(number, error_answer({Code::invalid_argument, "this is no JSON object"}));
        dead_.push_back(number);
        return;
    }
    Call call{number, std::move(request), std::move(message.fds)};
    auto const handled = handle(call);
    if (!handled.ok())
        send(number, error_answer(handled.error()));
    else if (handled.value().when == Answer::When::now)
        send(number, to_text({{"ok", handled.value().ok}}), handled.value().fds);
}

Result<Server::Answer> Server::handle(Call& call)
{
    static const std::map<std::string, Handler> handlers{
        {"start", &Server::start},     {"list", &Server::list},          {"get", &Server::get},
        {"signal", &Server::signal},   {"forget", &Server::forget},      {"exec", &Server::exec},
        {"attach", &Server::attach},   {"resize", &Server::resize},      {"subscribe", &Server::subscribe},
        {"upgrade", &Server::upgrade}, {"shut_down", &Server::shut_down}};
    if (call.arguments.value("version", json()) != json(protocol_version))
        return Error{Code::unimplemented, "the supervisor speaks version " + std::to_string(protocol_version)};
    auto const name = call.arguments.value("call", json());
    auto const handler = name.is_string() ? handlers.find(name.get<std::string>()) : handlers.end();
    if (handler == handlers.end())
        return Error{Code::unimplemented, "the supervisor has no such call"};
    return (this->*handler->second)(call);
}

void Server::send(std::uint64_t number, const std::string& text, const std::vector<sys::UniqueFd>& fds)
{
    auto const found = connections_.find(number);
    if (found == connections_.end())
        return;
    std::vector<int> numbers;
    for (const auto& fd : fds)
        numbers.push_back(fd.get());
    if (!sys::send_message(found->second.socket.get(), text, numbers).ok())
        dead_.push_back(number); // He is gone, or does not read: we do not wait.
}

void Server::close_dead()
{
    for (auto const number : std::exchange(dead_, {}))
        connections_.erase(number);
    for (const auto& id : std::exchange(failed_launches_, {}))
        if (auto const found = processes_.find(id); found != processes_.end() && !found->second->is_running()) {
            (void)found->second->forget().ok();
            processes_.erase(found);
        }
}

void Server::on_signal()
{
    while (auto const signal = signals_.next())
        if (*signal != SIGCHLD)
            done_ = true; // All that runs goes on; our successor adopts it.
}

/// As subreaper we inherit what nobody waits for. While a launcher runs, such a child may be the daemon it is about to name.
void Server::reap_orphans()
{
    bool const launching = std::any_of(processes_.begin(), processes_.end(),
                                       [](const auto& entry) { return entry.second->phase() == Record::Phase::launching; });
    while (auto const zombie = launching ? std::nullopt : sys::find_zombie()) {
        bool const is_known =
            std::any_of(processes_.begin(), processes_.end(),
                        [&](const auto& entry) { return entry.second->is_running() && entry.second->pid() == *zombie; }) ||
            std::any_of(execs_.begin(), execs_.end(), [&](const auto& exec) { return exec.pid == *zombie; });
        if (is_known)
            return; // Its own watch takes it, in the next round.
        sys::reap(*zombie);
    }
}

void Server::on_changed(Process& process)
{
    settle_launch(process);
    auto const text = to_text({{"changed", process.id()}});
    for (const auto& [number, connection] : connections_)
        if (connection.subscribed)
            send(number, text);
    ::malloc_trim(0);
}

void Server::settle_launch(Process& process)
{
    auto const [first, last] = waiting_.equal_range(process.id());
    for (auto waiter = first; waiter != last; ++waiter)
        send(waiter->second,
             process.launch_error() ? error_answer(*process.launch_error()) : to_text({{"ok", to_json(process.status())}}));
    waiting_.erase(first, last);
    if (process.launch_error())
        failed_launches_.push_back(process.id());
}

/// When the keeper dies, a new one gets everything; and its connection must be in the loop for us to see it die.
void Server::look_after_keeper()
{
    if (keeper_watch_ || keeper_.fd() < 0)
        return;
    auto watch = loop_.watch(keeper_.fd(), sys::Interest::read, [this](sys::Ready) {
        keeper_.disconnect();
        base::log_warning("the keeper died; another takes its place");
        for (auto& [id, process] : processes_)
            process->entrust();
    });
    if (watch.ok())
        keeper_watch_ = std::move(watch).value();
}

base::Deadline Server::next_deadline() const
{
    auto earliest = base::SteadyTime::max();
    auto const now = std::chrono::steady_clock::now();
    for (const auto& [id, process] : processes_) {
        if (process->log_blocked())
            earliest = std::min<base::SteadyTime>(earliest, now + retry_log_after);
        if (auto const deadline = process->deadline())
            earliest = std::min(earliest, *deadline);
    }
    return earliest == base::SteadyTime::max() ? base::Deadline::never() : base::Deadline::after(earliest - now);
}

void Server::on_time()
{
    auto const now = std::chrono::steady_clock::now();
    for (auto& [id, process] : processes_) {
        if (process->log_blocked())
            process->retry_log();
        if (auto const deadline = process->deadline(); deadline && *deadline <= now)
            process->give_up();
    }
}

} // namespace nova::supervisor
