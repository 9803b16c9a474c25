#include "supervisor/keeper.h"

#include <poll.h>
#include <sys/socket.h>

#include <list>

#include "base/log.h"
#include "base/strings.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/inotify.h"
#include "sys/local_socket.h"
#include "sys/own_memory.h"
#include "sys/signal_fd.h"
#include "sys/unix_socket.h"

namespace nova::supervisor {

using base::Code;
using base::Error;

namespace {

constexpr auto answer_within = std::chrono::seconds{5};
constexpr int listener_fd = 3;
constexpr int most_attempts = 5;

std::string socket_path(const std::string& directory) { return directory + "/keeper.sock"; }

Status wait_readable(int fd)
{
    auto const deadline = base::Deadline::after(answer_within);
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    int ready = 0;
    while ((ready = ::poll(&entry, 1, deadline.poll_timeout_ms())) < 0 && errno == EINTR) {
    }
    return ready == 1 ? base::done() : Status{Error{Code::deadline_exceeded, "the keeper does not answer"}};
}

} // namespace

void Keeper::find() { (void)connect().ok(); }

Status Keeper::connect()
{
    socket_ = TRY(sys::connect_unix(socket_path(directory_), sys::SocketKind::packets));
    return base::done();
}

Status Keeper::start()
{
    if (socket_ || connect().ok())
        return base::done();
    auto const listener = TRY(sys::listen_unix(socket_path(directory_), sys::SocketKind::packets));
    sys::ChildSpec spec{.program_fd = program_, .argv = {"nb", "supervise", "--keeper", "--directory", directory_}};
    spec.env.emplace();
    spec.cwd = "/";
    spec.err = 2;
    spec.pass = {{listener.get(), listener_fd}};
    spec.session = sys::Session::own;
    (void)TRY(sys::spawn(spec)).let_go(); // Reaped as any orphan; its end is seen on the connection.
    return connect();
}

void Keeper::disconnect()
{
    if (socket_ && on_disconnect_)
        on_disconnect_();
    socket_.reset();
}

Result<sys::Message> Keeper::ask_once(const std::string& text, const std::vector<int>& fds)
{
    TRY(sys::send_message(socket_.get(), text, fds));
    TRY(wait_readable(socket_.get()));
    auto answer = TRY(sys::receive_message(socket_.get()));
    if (!answer || !answer->text.starts_with("ok"))
        return Error{Code::unavailable, "the keeper is gone"};
    return std::move(*answer);
}

/// A connection that failed is given up: an answer that still came would be taken for the next one's.
Result<sys::Message> Keeper::ask(const std::string& text, const std::vector<int>& fds)
{
    auto answer = ask_once(text, fds);
    if (!answer.ok())
        disconnect();
    return answer;
}

Status Keeper::put(const std::string& id, const KeptFds& fds)
{
    std::string text = "put " + id;
    std::vector<int> numbers;
    for (const auto& [name, fd] : fds) {
        text += " " + name;
        numbers.push_back(fd.get());
    }
    // One that is just dying may still take a connection. One that stands still would keep all who wait for us waiting.
    auto told = put_once(text, numbers);
    for (int attempt = 1; attempt < most_attempts && !told.ok() && !failed_with(told, Code::deadline_exceeded); ++attempt)
        told = put_once(text, numbers);
    return told;
}

Status Keeper::put_once(const std::string& text, const std::vector<int>& fds)
{
    TRY(start().context("start the keeper"));
    TRY(ask(text, fds));
    return base::done();
}

KeptFds Keeper::get(const std::string& id)
{
    KeptFds kept;
    if (!socket_)
        return kept;
    auto answer = ask("get " + id, {});
    if (!answer.ok())
        return kept;
    auto const names = base::split(answer.value().text, ' ');
    auto& fds = answer.value().fds;
    for (std::size_t index = 0; index < fds.size() && index + 1 < names.size(); ++index)
        kept[names[index + 1]] = std::move(fds[index]);
    return kept;
}

void Keeper::drop(const std::string& id)
{
    if (socket_ || connect().ok())
        (void)ask("drop " + id, {}).ok();
}

namespace {

/// The keeper's process. One thread, no timers; what it holds is all it knows.
class KeeperProcess {
public:
    KeeperProcess(std::string directory, int listener) : directory_(std::move(directory)), listener_(listener) {}

    int run()
    {
        auto watched = sys::Inotify::open();
        if (watched.ok()) {
            (void)watched.value().watch_content(directory_).ok();
            // What we hold lies in the directory, so that its own end is not told.
            (void)watched.value().watch_content(socket_path(directory_)).ok();
        }
        while (!is_done_ && poll_once(watched.ok() ? watched.value().fd() : -1)) {
            if (watched.ok())
                watched.value().take();
            end_if_abandoned(); // Whichever comes last: our socket's end, or that of a connection.
        }
        return 0;
    }

private:
    bool poll_once(int inotify)
    {
        std::vector<pollfd> fds{{listener_.get(), POLLIN, 0}, {inotify, POLLIN, 0}};
        for (const auto& connection : connections_)
            fds.push_back({connection.get(), POLLIN, 0});
        if (::poll(fds.data(), fds.size(), -1) < 0)
            return errno == EINTR;
        auto connection = connections_.begin();
        for (std::size_t index = 2; index < fds.size(); ++index) {
            bool const is_open = fds[index].revents == 0 || serve(connection->get());
            connection = is_open ? std::next(connection) : connections_.erase(connection);
        }
        if (fds[0].revents != 0)
            accept();
        is_done_ = was_used_ && connections_.empty() && kept_.empty();
        return true;
    }

    void accept()
    {
        auto connection = sys::accept_unix(listener_.get());
        if (!connection.ok() || !connection.value())
            return;
        auto const peer = sys::peer_of(connection.value()->get());
        if (peer.ok() && (peer.value().uid == ::geteuid() || peer.value().uid == 0))
            connections_.push_back(std::move(*connection.value()));
        was_used_ = true;
    }

    bool serve(int connection)
    {
        auto message = sys::receive_message(connection, 4096);
        if (!message.ok() || !message.value())
            return false;
        auto words = base::split(message.value()->text, ' ');
        if (words.size() < 2)
            return false;
        if (words[0] == "get")
            return answer_get(connection, words[1]);
        kept_.erase(words[1]);
        if (words[0] == "put")
            for (std::size_t index = 0; index < message.value()->fds.size() && index + 2 < words.size(); ++index)
                kept_[words[1]].emplace_back(words[index + 2], std::move(message.value()->fds[index]));
        return sys::send_message(connection, "ok").ok();
    }

    bool answer_get(int connection, const std::string& id)
    {
        std::string text = "ok";
        std::vector<int> fds;
        for (const auto& [name, fd] : kept_[id]) {
            text += " " + name;
            fds.push_back(fd.get());
        }
        if (fds.empty())
            kept_.erase(id);
        return sys::send_message(connection, text, fds).ok();
    }

    /// Somebody removed our directory, or moved it: nobody can ever find us again.
    void end_if_abandoned()
    {
        if (connections_.empty() && !sys::exists(socket_path(directory_)))
            is_done_ = true;
    }

    std::string directory_;
    sys::UniqueFd listener_;
    std::list<sys::UniqueFd> connections_;
    std::map<std::string, std::vector<std::pair<std::string, sys::UniqueFd>>> kept_;
    bool was_used_ = false;
    bool is_done_ = false;
};

} // namespace

int keep(const std::string& directory, int listener)
{
    sys::ignore_sigpipe();
    sys::drop_code_pages();
    return KeeperProcess{directory, listener}.run();
}

} // namespace nova::supervisor
