#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// What the two sides of a container's start tell each other.
enum class Note : char {
    failed = 'E',      ///< Child: this error; I end.
    unfit = 'U',       ///< Child: all is well but the program: this error; I end.
    hook_failed = 'H', ///< Child: the same, and it was a hook that failed.
    cloned = 'C',      ///< In-between process: the container's process has this pid.
    mounted = 'M',     ///< Child: mounts are made, the root is still the host's: hooks may run.
    network = 'N',     ///< Parent: the container's network namespace.
    cgroup = 'G',      ///< Parent: the files by which to join the container's cgroup (version 1).
    terminal = 'T',    ///< Child: here is the terminal's other end.
    listener = 'L',    ///< Child: here is the seccomp listener.
    node = 'D',        ///< Helper: here is a device node.
    ready = 'R',       ///< Child: all is set up; I wait.
    proceed = 'P',     ///< Parent: go on.
    ended = 'X',       ///< Nobody is at the other end any more: after exec, or after death.
};

struct Received {
    Note note = Note::ended;
    std::string text;
    std::vector<sys::UniqueFd> fds;
    int errnum = 0;
    base::Code code = base::Code::internal;

    base::Error error() const; ///< Of a `failed` or `unfit`.
};

/// Sends a text and one descriptor, as console sockets and seccomp agents expect it.
Status send_descriptor(int socket, std::string_view text, const sys::UniqueFd& fd);

/// One end of the line between the runtime and the container's first process. Errors cross it whole, with their context.
class Channel {
public:
    struct Pair;
    static Result<Pair> create();
    explicit Channel(sys::UniqueFd socket) : socket_(std::move(socket)) {}

    Status send(Note note, std::string_view text = {}, int fd = -1) const;
    Status send(Note note, const std::vector<sys::UniqueFd>& fds) const;
    void send_failure(const base::Error& error, Note note = Note::failed) const;

    Result<Received> receive();
    /// Errors: the other side's failure; internal - it ended or said something else.
    Result<Received> expect(Note note);
    /// The same where two processes write at the other end: what the other one said before is kept for receive().
    Result<Received> expect_out_of_turn(Note note);

    int fd() const { return socket_.get(); }
    void close() { socket_.reset(); }

private:
    sys::UniqueFd socket_;
    std::deque<Received> early_;
};

struct Channel::Pair {
    Channel ours;
    Channel theirs;
};

} // namespace nova::runtime
