#include "api/pool.h"

namespace nova::api {

Pool::Pool(std::size_t threads, std::size_t most_waiting) : most_waiting_(most_waiting)
{
    for (std::size_t i = 0; i < threads; ++i)
        threads_.emplace_back([this](std::stop_token stop) { work(std::move(stop)); });
}

Pool::~Pool()
{
    for (auto& thread : threads_)
        thread.request_stop();
    threads_.clear();
}

bool Pool::try_submit(Job job)
{
    {
        std::lock_guard const lock{mutex_};
        if (jobs_.size() >= most_waiting_)
            return false;
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void Pool::submit(Job job)
{
    {
        std::lock_guard const lock{mutex_};
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
}

void Pool::work(std::stop_token stop)
{
    while (true) {
        Job job;
        {
            std::unique_lock lock{mutex_};
            if (!changed_.wait(lock, stop, [this] { return !jobs_.empty(); }))
                return; // Stopped, and nothing is left.
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        job();
    }
}

} // namespace nova::api
