#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "supervisor/keeper.h"
#include "supervisor/process.h"
#include "sys/poll.h"
#include "sys/signal_fd.h"
#include "sys/unix_socket.h"

namespace nova::supervisor {

using base::Result;
using base::Status;

/// A second process in a running one, whose exit code somebody waits for.
struct RunningExec {
    sys::UniqueFd pidfd;
    sys::UniqueFd exit; ///< The write end.
    sys::Loop::Watch watch;
    std::optional<pid_t> pid;
};

/// The supervisor: one thread, one loop. It holds nothing that it could not find again: the records on disk, the descriptors
/// in the keeper and the kernel's own knowledge are its state, so that being killed and being upgraded are the same thing.
class Server {
public:
    struct Handles {
        sys::UniqueFd lock;
        sys::UniqueFd listener;
        sys::UniqueFd program;
    };
    static Result<std::unique_ptr<Server>> open(std::string directory, Handles handles);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Goes on with an exec that a predecessor of the same pid began.
    void resume_exec(sys::UniqueFd pidfd, sys::UniqueFd exit);

    /// Tells the one who asked for the upgrade that it is done.
    void greet(sys::UniqueFd connection);

    int run(); ///< Until shut down. The exit code.

private:
    struct Connection {
        sys::UniqueFd socket;
        sys::Loop::Watch watch;
        bool subscribed = false;
    };
    struct Answer {
        nlohmann::json ok = nlohmann::json::object();
        std::vector<sys::UniqueFd> fds{};
        enum class When { now, later } when = When::now;
    };
    struct Call {
        std::uint64_t connection;
        nlohmann::json arguments;
        std::vector<sys::UniqueFd> fds;
    };
    using Handler = Result<Answer> (Server::*)(Call& call);

    Server(std::string directory, Handles handles, sys::Loop loop, sys::SignalFd signals);
    Status prepare();
    void adopt_all();
    void accept();
    void refuse_one(const base::Error& why);
    void open_spare();
    void on_message(std::uint64_t number);
    void answer(std::uint64_t number, sys::Message message);
    Result<Answer> handle(Call& call);
    void send(std::uint64_t number, const std::string& text, const std::vector<sys::UniqueFd>& fds = {});
    void close_dead();
    void on_signal();
    void reap_orphans();
    void on_changed(Process& process);
    void settle_launch(Process& process);
    void look_after_keeper();
    base::Deadline next_deadline() const;
    void on_time();
    bool anything_runs() const;
    Result<Process*> find(const nlohmann::json& arguments);

    Result<Answer> start(Call& call);
    Result<Answer> list(Call& call);
    Result<Answer> get(Call& call);
    Result<Answer> signal(Call& call);
    Result<Answer> forget(Call& call);
    Result<Answer> exec(Call& call);
    Result<Answer> attach(Call& call);
    Result<Answer> resize(Call& call);
    Result<Answer> subscribe(Call& call);
    Result<Answer> upgrade(Call& call);
    Result<Answer> shut_down(Call& call);
    Status add_exec(sys::UniqueFd pidfd, sys::UniqueFd exit);
    void on_exec_end(RunningExec& exec);
    std::vector<std::string> successor_arguments(std::vector<int>& keep, int reply) const;

    std::string directory_;
    Handles handles_;
    sys::UniqueFd spare_; ///< Closed for a moment to tell one who connects that we have no descriptor left for him.
    sys::Loop loop_;
    sys::SignalFd signals_;
    Keeper keeper_;
    Surroundings around_;
    std::map<std::string, std::unique_ptr<Process>> processes_;
    std::map<std::uint64_t, Connection> connections_;
    std::vector<std::uint64_t> dead_; ///< Connections to close at the end of the round.
    std::uint64_t last_connection_ = 0;
    std::multimap<std::string, std::uint64_t> waiting_; ///< Connections that wait for a launcher's end, by process.
    std::vector<std::string> failed_launches_;          ///< To forget at the end of the round.
    std::list<RunningExec> execs_;
    std::vector<sys::Loop::Watch> watches_;
    sys::Loop::Watch keeper_watch_;
    bool done_ = false;
};

} // namespace nova::supervisor
