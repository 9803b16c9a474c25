#pragma once

#include <atomic>

namespace nova::sys {

/// Happens once; then everybody who waits for it goes on. Four bytes, one system call to wake all. (std::atomic::wait would do
/// the same, but first yields the processor four times: 64 waiters spent a fifth of the time on it.)
class Event {
public:
    /// Makes visible what was written before. After this returns, and even before, waiters may destroy the event only if they own
    /// it together with who sets it.
    void set();
    void wait() const;
    bool happened() const { return state_.load(std::memory_order_acquire) != 0; }

private:
    std::atomic<int> state_ = 0;
};

} // namespace nova::sys
