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

} // namespace nova::sys
