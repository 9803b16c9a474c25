#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/process_spec.h"
#include "supervisor/keeper.h"
#include "supervisor/record.h"
#include "supervisor/streams.h"
#include "sys/child.h"
#include "sys/pidfd.h"
#include "sys/poll.h"

namespace nova::supervisor {

class Process;

/// What a process needs of the one who supervises it.
struct Surroundings {
    sys::Loop& loop;
    Keeper& keeper;
    int program;           ///< Our own program: what argv[0] == "nb" means.
    std::string directory; ///< Each process has one of its id in it.
    std::string boot;
    std::function<void(Process&)> changed; ///< It runs now (its launcher succeeded), or it ended.
};

/// One supervised process, from its start until it is forgotten. Its record on disk is ahead of what anyone is told.
class Process {
public:
    /// Errors: as spawn(2) and those of its files; then nothing is left of it but what it logged.
    static Result<std::unique_ptr<Process>> start(Surroundings& surroundings, const model::ProcessSpec& spec);

    /// Takes over what a predecessor recorded: it still runs, or ended meanwhile.
    static Result<std::unique_ptr<Process>> adopt(Surroundings& surroundings, const std::string& id);

    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    const std::string& id() const { return record_.spec.id; }
    Record::Phase phase() const { return record_.phase; }
    bool is_running() const { return phase() == Record::Phase::running || phase() == Record::Phase::launching; }
    pid_t pid() const { return record_.pid; }
    model::ProcessStatus status() const;

    /// Why the launcher failed; empty while it runs and where it succeeded.
    const std::optional<base::Error>& launch_error() const { return launch_error_; }

    /// When we stop waiting for its launcher, or for a stranger to reap it; then call give_up().
    std::optional<base::SteadyTime> deadline() const;
    void give_up();

    Status signal(int signal);
    Status resize(sys::WindowSize size);
    Result<sys::UniqueFd> attach();

    bool log_blocked() const { return streams_ && streams_->blocked(); }
    void retry_log() { streams_->retry(); }

    /// Gives the keeper what must survive us. Failure is logged: it only costs safety.
    void entrust();

    /// Removes what is on disk, but the log. It must have ended.
    Status forget();

private:
    Process(Surroundings& surroundings, Record record) : around_(surroundings), record_(std::move(record)) {}

    std::string directory() const { return around_.directory + "/" + id(); }
    Status run();
    Result<sys::ChildSpec> make_child_spec(const Streams::ChildEnds& ends) const;
    Status write_down(sys::HeldChild& child);
    Status take_over(KeptFds kept);
    Status watch();
    void on_end();
    bool waits_for_reaper();
    void on_launcher_end(const std::optional<sys::ExitStatus>& status);
    Status follow_daemon();
    void fail_launch(const std::string& why);
    void end_as(const std::optional<sys::ExitStatus>& status);
    Status save();

    Surroundings& around_;
    Record record_;
    sys::UniqueFd pidfd_;
    sys::Loop::Watch pid_watch_;
    std::unique_ptr<Streams> streams_;
    std::optional<base::Error> launch_error_;
    base::SteadyTime launched_at_{};
    std::optional<base::SteadyTime> reaped_by_; ///< It has ended, and another is to reap it: until then nobody knows how.
};

} // namespace nova::supervisor
