#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace nova::api {

/// A fixed number of threads that run jobs in their order. Safe from any thread.
class Pool {
public:
    using Job = std::function<void()>;

    Pool(std::size_t threads, std::size_t most_waiting);
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool(); ///< Runs what is queued, then joins.

    /// False, and the job is not taken, where too many wait already.
    [[nodiscard]] bool try_submit(Job job);

    /// For jobs whose number something else bounds: the next piece of an open stream.
    void submit(Job job);

private:
    void work(std::stop_token stop);

    std::size_t most_waiting_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Job> jobs_;
    std::vector<std::jthread> threads_; // Last: they use the rest.
};

} // namespace nova::api
