#include "sys/signal_fd.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace nova::sys {

Result<SignalFd> SignalFd::open(std::initializer_list<int> signals)
{
    sigset_t set;
    ::sigemptyset(&set);
    for (int const signal : signals)
        ::sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    UniqueFd fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd)
        return base::Error::from_errno("open signals");
    return SignalFd{std::move(fd)};
}

std::optional<int> SignalFd::next()
{
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info)
        return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

void ignore_sigpipe() { ::signal(SIGPIPE, SIG_IGN); }

} // namespace nova::sys
