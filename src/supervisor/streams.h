#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/process_spec.h"
#include "supervisor/attachments.h"
#include "supervisor/keeper.h"
#include "supervisor/output.h"
#include "sys/poll.h"
#include "sys/pty.h"

namespace nova::supervisor {

/// What one process reads and writes: its FIFOs, its terminal, its console, and who is attached. Lives behind a pointer, since
/// the loop calls into it.
class Streams {
public:
    enum class How {
        afresh, ///< What a former run left in the FIFOs is not ours.
        again,  ///< The process runs already: its FIFOs are there, and its terminal is among `kept`.
    };
    static Result<std::unique_ptr<Streams>> open(sys::Loop& loop, const std::string& directory, const model::ProcessSpec& spec,
                                                 How how, KeptFds kept);
    Streams(const Streams&) = delete;
    Streams& operator=(const Streams&) = delete;

    /// The process's ends, made for it; they are closed with this.
    struct ChildEnds {
        sys::UniqueFd in; ///< Empty: nothing to read.
        sys::UniqueFd out;
        sys::UniqueFd err;
    };
    Result<ChildEnds> child_ends() const;

    /// Copies of everything that must survive us.
    Result<KeptFds> copies() const;

    Result<sys::UniqueFd> attach() { return attachments_.add(); }
    Status resize(sys::WindowSize size);

    bool blocked() const { return output_.blocked(); }
    void retry() { output_.retry(); }

    /// Takes all that waits. `caught`, if given, gets what came on stderr.
    void drain();

    /// The process is gone: logs the rest and closes everything.
    void finish();

    /// Keeps the newest few KiB of stderr (or of the terminal) for an error message until take_said().
    void listen() { listens_ = true; }
    std::string take_said();

private:
    Streams(sys::Loop& loop, std::string directory, Output output, const model::ProcessSpec& spec);
    Status open_fifos(How how);
    Status open_fifo(Source source, const std::string& path, How how);
    Status open_terminal(KeptFds& kept, How how);
    Status await_terminal();
    void take_terminal();
    Status use_terminal(sys::UniqueFd master);
    Status watch_terminal();
    Status watch();
    void drain_fifo(Source source);
    void drain_terminal();
    void see(Source source, std::string_view bytes);
    std::string fifo_path(Source source) const;
    int input() const;

    sys::Loop& loop_;
    std::string directory_;
    model::StdioMode mode_;
    std::string console_;
    std::string terminal_socket_;
    Output output_;
    std::array<sys::UniqueFd, 3> fifos_;
    sys::UniqueFd console_in_;
    sys::Pty terminal_;
    Attachments attachments_;
    std::string said_;
    bool listens_ = false;
    std::vector<sys::Loop::Watch> watches_;
    sys::UniqueFd terminal_listener_; ///< Until a launcher has sent the terminal.
    sys::UniqueFd terminal_sender_;
    sys::Loop::Watch listener_watch_;
    sys::Loop::Watch sender_watch_;
};

} // namespace nova::supervisor
