#pragma once

#include <memory>
#include <set>

#include "api/api.h"
#include "api/http/asio.h"
#include "api/limits.h"
#include "api/pool.h"

namespace nova::api::http {

/// Something that goes on with a connection. Lives on the loop thread only, and ends there.
class Task : public std::enable_shared_from_this<Task> {
public:
    virtual ~Task() = default;
    virtual void drain() = 0; ///< Come to an end soon: the server stops.
    virtual void close() = 0; ///< Come to an end now.
};

/// What all connections share. Used on the loop thread, except `io` (post) and `pool`.
struct Loop {
    Loop(Api& the_api, const Limits& the_limits) : limits(the_limits), api(the_api), pool(limits.workers, limits.queue) {}

    Limits limits;
    Api& api;
    asio::io_context io{1};
    std::set<std::shared_ptr<Task>> tasks;
    std::size_t streams = 0; ///< Open watches, logs and sessions.
    bool stopping = false;
    std::function<void()> idle; ///< Called when stopping and the last task went.
    Pool pool;                  // Last: its jobs use the rest.

    /// `work` for a worker of the pool, and then `then` with its outcome on the loop thread. What must end there (a Task) belongs
    /// to `then`: no worker is left with the last reference. The loop does not run out meanwhile.
    template <typename Work, typename Then>
    Pool::Job job(Work work, Then then)
    {
        return [this, busy = asio::make_work_guard(io), work = std::move(work), then = std::move(then)]() mutable {
            asio::post(io, [then = std::move(then), outcome = work()]() mutable { then(std::move(outcome)); });
        };
    }

    void add(std::shared_ptr<Task> task) { tasks.insert(std::move(task)); }
    void remove(const std::shared_ptr<Task>& task)
    {
        tasks.erase(task);
        if (stopping && tasks.empty() && idle)
            idle();
    }
};

} // namespace nova::api::http
