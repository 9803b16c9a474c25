#include "sys/event.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace nova::sys {

static_assert(sizeof(std::atomic<int>) == sizeof(int)); // So that the kernel may look at it.

void Event::set()
{
    state_.store(1, std::memory_order_release);
    (void)::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void Event::wait() const
{
    while (!happened()) // Also after a signal, or a wake-up meant for who had this address before.
        (void)::syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
}

} // namespace nova::sys
