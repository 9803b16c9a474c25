#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sys/pidfd.h"
#include "sys/unique_fd.h"

namespace nova::sys {

/// Which session the child belongs to.
enum class Session {
    inherited,     ///< Ours: a terminal's interrupt reaches it.
    own,           ///< Its own (setsid), without a terminal.
    with_terminal, ///< Its own, and its stdin, a pty, becomes its controlling terminal.
};

/// Whether the child and all that comes of it may gain rights by executing a file (no_new_privs).
enum class NewPrivileges { allowed, never };

/// A descriptor that the child shall find under a number of 3 or more.
struct PassedFd {
    int fd = -1;
    int as = 3;
};

/// What to start, and with what. Nothing that is not named here reaches the child: every other descriptor is closed, every
/// signal handler, ignored signal and blocked signal is set back to the default.
struct ChildSpec {
    std::string program{}; ///< Path. Empty: program_fd is the program.
    int program_fd = -1;   ///< Borrowed: an open (also sealed, in memory) ELF program. Not for scripts.
    std::vector<std::string> argv{};
    std::optional<std::vector<std::string>> env{}; ///< "K=V". Empty: ours.
    std::string cwd{};                             ///< Empty: ours.
    int in = -1;                                   ///< Borrowed. -1: /dev/null; so for the next two.
    int out = -1;
    int err = -1;
    std::vector<PassedFd> pass{};
    Session session = Session::inherited;
    NewPrivileges new_privileges = NewPrivileges::allowed;
    int parent_death_signal = 0; ///< Sent to it when the *thread* that called spawn ends (prctl(2)); 0: none.
};

/// A child of ours. The destructor is the safety net of error paths: it kills and reaps. On the good path wait() or let_go().
class Child {
public:
    Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
    Child(Child&&) noexcept = default;
    Child& operator=(Child&& other) noexcept;
    ~Child() { end(); }

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); } ///< Readable once it ended.

    /// nullopt: the deadline passed first, and it still runs.
    Result<std::optional<ExitStatus>> wait(base::Deadline deadline);

    /// Errors: not_found - it has been reaped.
    Status signal(int signal) { return signal_pidfd(pidfd_.get(), signal); }

    /// Hands over the pidfd: from now on its owner must reap.
    UniqueFd let_go() { return std::move(pidfd_); }

private:
    void end();

    pid_t pid_;
    UniqueFd pidfd_;
};

/// Starts a program. Returns after exec succeeded, so a missing program is this call's error. The cost does not grow with our
/// memory (vfork). Safe in a process with threads.
/// Errors: as clone(2), chdir(2), execve(2): not_found, permission_denied, ...
Result<Child> spawn(const ChildSpec& spec);

/// A child that was made but does not run its program yet: so its pid can be written down first. Dies, having run nothing, when
/// this handle or our process dies before go().
class HeldChild {
public:
    HeldChild(Child child, UniqueFd gate, std::string name)
        : child_(std::move(child)), gate_(std::move(gate)), name_(std::move(name))
    {}
    pid_t pid() const { return child_.pid(); }
    int pidfd() const { return child_.pidfd(); }

    /// Runs the program. Errors: as execve(2).
    Result<Child> go() &&;

private:
    Child child_;
    UniqueFd gate_; ///< A socket: we send the word to go, and read the errno of what failed, or the end when exec closed it.
    std::string name_;
};

/// As spawn, but the child waits for go(). Copies our page tables (fork), so it is for small processes, without threads.
Result<HeldChild> spawn_held(const ChildSpec& spec);

/// Replaces this program by another and keeps the pid, the children and, of the descriptors, 0 to 2 and these.
/// Returns only an error; then nothing has changed.
Status replace_program(int program_fd, const std::vector<std::string>& argv, const std::vector<int>& keep);

/// A program that runs to its end, with its output caught.
struct RunSpec {
    ChildSpec child;   ///< `in`, `out` and `err` are replaced.
    std::string input; ///< What it reads on stdin.
    base::Deadline deadline = base::Deadline::after(std::chrono::seconds{60});
    std::size_t most_output = 4u << 20; ///< Of each stream; the rest is thrown away.
};

/// What a program left behind.
struct Finished {
    ExitStatus status;
    std::string out;
    std::string err;
};

/// Runs it to its end. What its own children still write after it ended is not waited for.
/// Errors: those of spawn; deadline_exceeded - it was killed. A program that fails is no error here: look at status.
Result<Finished> run_child(const RunSpec& spec);

/// The same, and a failure of the program is an error too: internal, "PROGRAM: exit code 1: the last line of its stderr".
Result<Finished> run_child_that_succeeds(const RunSpec& spec);

/// Where a program lies: $PATH, then /usr/sbin, /usr/bin, /sbin, /bin. A name with a slash is returned as it is.
/// Errors: not_found.
Result<std::string> find_program(const std::string& name);

} // namespace nova::sys
