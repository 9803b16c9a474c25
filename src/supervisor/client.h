#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/process_spec.h"
#include "sys/unique_fd.h"

/// The daemon's side of the supervisor: the small process that is the parent of everything that runs and outlives the daemon.
namespace nova::supervisor {

using base::Result;
using base::Status;

/// A second process in a running capsule (nb exec).
struct ExecSpec {
    std::string id;                ///< Whose: the ProcessSpec's id.
    std::vector<std::string> argv; ///< The whole launcher's call: {"nb", "exec", …}; the supervisor adds nothing.
    bool terminal = false;
    std::uint16_t columns = 80;
    std::uint16_t rows = 24;
};

/// A running exec. With a terminal, `in` and `out` are two handles of the pty's master and `err` is empty.
struct ExecSession {
    sys::UniqueFd in;
    sys::UniqueFd out;
    sys::UniqueFd err;
    sys::UniqueFd
        exit; ///< Becomes readable when it ended: one int, the exit code (128 + signal where killed); EOF: can't be known.
};

/// Live output and input of a supervised process: a stream socket. Reading gives what it writes from now on (raw bytes, terminal
/// or console or both streams); writing types into its terminal or console (ignored where it has neither).
struct AttachSession {
    sys::UniqueFd stream;
};

class Client {
public:
    virtual ~Client() = default;

    /// Starts it and returns once it runs (or, with a pid_file, once the launcher has succeeded).
    /// Errors: already_exists - this id runs; internal - the launcher failed: the message has what it wrote to stderr.
    virtual Result<model::ProcessStatus> start(const model::ProcessSpec& spec) = 0;

    virtual Result<std::vector<model::ProcessStatus>> list() = 0;
    virtual Result<model::ProcessStatus> get(const std::string& id) = 0; ///< Errors: not_found.
    virtual Status signal(const std::string& id, int signal) = 0;        ///< Errors: not_found.

    /// Forgets one that ended, with its run-time files but not its log. Accepts absence.
    /// Errors: failed_precondition - it still runs.
    virtual Status forget(const std::string& id) = 0;

    virtual Result<ExecSession> exec(const ExecSpec& spec) = 0;
    virtual Result<AttachSession> attach(const std::string& id) = 0;
    virtual Status resize(const std::string& id, std::uint16_t columns, std::uint16_t rows) = 0;

    /// Calls back, from a thread of the client, whenever a process ended or was started; also after each reconnection, with an
    /// empty id: look at everything again. Replaces an earlier call, which does not run any more when this returns; an empty one
    /// listens no more. Not from inside a call.
    virtual void on_change(std::function<void(const std::string& id)> call) = 0;

    /// Asks it to replace itself with this program (an open descriptor), keeping every process, log and terminal.
    virtual Status upgrade(const sys::UniqueFd& program) = 0;

    /// Ends the supervisor. Errors: failed_precondition - something still runs.
    virtual Status shut_down() = 0;
};

/// How a supervisor is found, or made where there is none.
struct Options {
    std::string run_directory; ///< Its socket, records and FIFOs lie in run_directory/supervisor.
    int program = -1;          ///< Descriptor of the sealed `nb`; borrowed for the client's life.
};

/// Connects, and starts a supervisor where none answers: after its death it adopts what still runs. The client reconnects (and
/// restarts it) by itself when the connection breaks.
Result<std::unique_ptr<Client>> connect(const Options& options);

} // namespace nova::supervisor
