#include "runtime/terminal_relay.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "sys/file.h"

namespace nova::runtime {

using base::Deadline;
using base::done;
using base::Error;
using base::Status;
using sys::UniqueFd;

namespace {

/// Our terminal without echo and line editing; as it was again at the end.
class RawTerminal {
public:
    explicit RawTerminal(int fd) : fd_(fd)
    {
        changed_ = ::tcgetattr(fd_, &before_) == 0;
        if (!changed_)
            return;
        auto raw = before_;
        ::cfmakeraw(&raw);
        raw.c_oflag |= OPOST; // It returns the carriage, the container's does not: keep_line_ends().
        ::tcsetattr(fd_, TCSADRAIN, &raw);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal()
    {
        if (changed_)
            ::tcsetattr(fd_, TCSADRAIN, &before_);
    }

private:
    int fd_;
    bool changed_ = false;
    struct termios before_ {};
};

Result<UniqueFd> catch_signals()
{
    sigset_t all;
    ::sigfillset(&all);
    for (int const own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGTTOU, SIGTTIN})
        ::sigdelset(&all, own);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    UniqueFd fd{::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd)
        return Error::from_errno("make a signal descriptor");
    return fd;
}

void copy_size(int terminal)
{
    struct winsize size {};
    if (::ioctl(0, TIOCGWINSZ, &size) == 0)
        ::ioctl(terminal, TIOCSWINSZ, &size);
}

void pass_signals(const UniqueFd& signals, int pidfd, const UniqueFd& terminal)
{
    struct signalfd_siginfo info {};
    while (::read(signals.get(), &info, sizeof info) == sizeof info) {
        auto const signal = static_cast<int>(info.ssi_signo);
        if (signal == SIGWINCH && terminal)
            copy_size(terminal.get());
        else if (signal != SIGCHLD && signal != SIGPIPE && signal != SIGWINCH)
            (void)sys::signal_pidfd(pidfd, signal);
    }
}

/// False at its end.
bool copy_some(int from, int to)
{
    std::array<char, 16384> buffer;
    auto const count = ::read(from, buffer.data(), buffer.size());
    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    return count > 0 && sys::write_all(to, {buffer.data(), static_cast<std::size_t>(count)}).ok();
}

/// What was shown last still lies in the terminal when the process has ended.
void drain(const UniqueFd& terminal)
{
    struct pollfd shown {
        terminal.get(), POLLIN, 0
    };
    while (terminal && ::poll(&shown, 1, 0) > 0 && (shown.revents & POLLIN) != 0)
        if (!copy_some(terminal.get(), 1))
            return;
}

Status relay_until_end(int pidfd, const UniqueFd& terminal, const UniqueFd& signals, Readiness& readiness)
{
    std::array<struct pollfd, 5> waits{{{pidfd, POLLIN, 0},
                                        {signals.get(), POLLIN, 0},
                                        {terminal ? terminal.get() : -1, POLLIN, 0},
                                        {terminal ? 0 : -1, POLLIN, 0},
                                        {readiness.fd(), POLLIN, 0}}};
    while (true) {
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
            return Error::from_errno("wait");
        if ((waits[1].revents & POLLIN) != 0)
            pass_signals(signals, pidfd, terminal);
        if ((waits[2].revents & (POLLIN | POLLHUP)) != 0 && !copy_some(terminal.get(), 1))
            waits[2].fd = -1;
        if ((waits[3].revents & (POLLIN | POLLHUP)) != 0 && !copy_some(0, terminal.get()))
            waits[3].fd = -1;
        if (waits[4].revents != 0)
            (void)readiness.take(0); // A manager that is gone is no reason to leave the container.
        if ((waits[0].revents & POLLIN) != 0) {
            drain(terminal);
            return done();
        }
    }
}

} // namespace

void keep_line_ends(const UniqueFd& terminal)
{
    struct termios settings {};
    if (::tcgetattr(terminal.get(), &settings) < 0)
        return;
    settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
    (void)::tcsetattr(terminal.get(), TCSANOW, &settings);
}

Result<sys::ExitStatus> follow_process(int pidfd, const UniqueFd& terminal, Readiness& readiness)
{
    auto const signals = TRY(catch_signals());
    std::optional<RawTerminal> raw;
    if (terminal) {
        copy_size(terminal.get());
        raw.emplace(0);
    }
    TRY(relay_until_end(pidfd, terminal, signals, readiness));
    raw.reset();
    auto const status = TRY(sys::wait_pidfd(pidfd, Deadline::never()));
    return status.value_or(sys::ExitStatus{});
}

} // namespace nova::runtime
