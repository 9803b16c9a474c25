#include "sys/default_signals.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace nova::sys {

void reset_signals()
{
    // The kernel's own structure, not the C library's: its sigaction(3) refuses signals 32 and 33.
    struct {
        void* handler;
        unsigned long flags;
        void* restorer;
        unsigned long mask;
    } const standard{};

    for (int number = 1; number < NSIG; ++number)
        ::syscall(SYS_rt_sigaction, number, &standard, nullptr, sizeof standard.mask);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void keep_ends_of_children() { ::signal(SIGCHLD, SIG_DFL); }

void end_on_signals()
{
    struct sigaction action {};
    action.sa_handler = [](int number) { ::_exit(128 + number); };
    sigset_t ending;
    ::sigemptyset(&ending);
    for (int const number : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ}) {
        ::sigaction(number, &action, nullptr);
        ::sigaddset(&ending, number);
    }
    ::sigprocmask(SIG_UNBLOCK, &ending, nullptr);
}

} // namespace nova::sys
