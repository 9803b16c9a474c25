#pragma once

#include <list>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/poll.h"
#include "sys/unique_fd.h"

namespace nova::supervisor {

using base::Result;

/// Those who watch a process live, and may type into it. One who does not read in time is dropped: he never makes the process
/// or the others wait.
class Attachments {
public:
    /// `input` is where typed bytes go (a terminal's master, a console's FIFO); -1: nowhere. Borrowed.
    Attachments(sys::Loop& loop, int input) : loop_(loop), input_(input) {}
    void set_input(int input) { input_ = input; }

    Result<sys::UniqueFd> add(); ///< The client's end, a stream socket.
    void show(std::string_view bytes);
    bool empty() const { return all_.empty(); }

private:
    struct Attachment {
        sys::UniqueFd socket;
        sys::Loop::Watch watch;
        std::string unsent;
        bool is_gone = false;
        bool has_stopped_typing = false;
    };

    void on_ready(Attachment& attachment, sys::Ready ready);
    void send(Attachment& attachment, std::string_view bytes);
    void read_typed(Attachment& attachment);
    void leave(Attachment& attachment);
    void write_typed();
    void update(Attachment& attachment);
    void sweep();

    sys::Loop& loop_;
    int input_;
    std::list<Attachment> all_;
    std::string typed_;        ///< Waits for input_ to take it.
    sys::UniqueFd input_copy_; ///< While typed_ waits: a copy, as the loop may watch input_ itself for other reasons.
    sys::Loop::Watch input_watch_;
};

} // namespace nova::supervisor
