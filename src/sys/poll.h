#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// What to wait for on a descriptor; the end of the other side is always told.
enum class Interest { nothing, read, write, both };

/// What happened on a descriptor.
struct Ready {
    bool readable = false;
    bool writable = false;
    bool hung_up = false; ///< The other side is gone, or an error waits; reading tells more.
};

/// One thread's loop over descriptors (epoll, level-triggered). Not safe from two threads. Costs nothing while nothing happens.
class Loop {
public:
    using Call = std::function<void(Ready)>;

    /// A descriptor in the loop. Let it go before the descriptor is closed. May die within its own call.
    class Watch {
    public:
        Watch() = default;
        Watch(Watch&& other) noexcept { *this = std::move(other); }
        Watch& operator=(Watch&& other) noexcept;
        ~Watch() { reset(); }

        void want(Interest interest);
        void reset();
        explicit operator bool() const { return loop_ != nullptr; }

    private:
        friend class Loop;
        Loop* loop_ = nullptr;
        int fd_ = -1;
    };

    static Result<Loop> open();

    /// Errors: as epoll_ctl(2): permission_denied for a plain file.
    Result<Watch> watch(int fd, Interest interest, Call call);

    /// Waits until something happens or the deadline passes, and makes the calls. EINTR counts as nothing happened.
    Status run_once(base::Deadline deadline);

private:
    struct Entry {
        std::uint32_t generation = 0;
        Interest interest = Interest::nothing;
        Call call;
    };

    explicit Loop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
    void change(int fd, Interest interest);
    void forget(int fd);
    void dispatch(std::uint64_t token, std::uint32_t events);

    UniqueFd epoll_;
    std::uint32_t generation_ = 0;
    std::unordered_map<int, Entry> entries_;
};

} // namespace nova::sys
