#include "control/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace nova::control {
namespace {

using namespace std::chrono_literals;

model::Key pod(const std::string& name) { return {"Pod", "default", name}; }

TEST(WorkQueue, keeps_a_key_once_however_often_it_is_added)
{
    WorkQueue queue;
    queue.add(pod("a"));
    queue.add(pod("a"));
    EXPECT_EQ(queue.waiting(), 1u);
    EXPECT_EQ(queue.take({}), pod("a"));
    EXPECT_EQ(queue.waiting(), 0u);
}

TEST(WorkQueue, gives_a_key_that_changed_during_its_pass_a_second_pass)
{
    WorkQueue queue;
    queue.add(pod("a"));
    (void)queue.take({});
    queue.add(pod("a"));
    EXPECT_EQ(queue.waiting(), 0u) << "never two workers on one key";
    queue.finish(pod("a"), Next::settled());
    EXPECT_EQ(queue.take({}), pod("a"));
}

TEST(WorkQueue, backs_off_from_a_key_that_fails_and_not_from_others)
{
    WorkQueue queue;
    queue.add(pod("bad"));
    (void)queue.take({});
    queue.add_after(pod("good"), 0ms); // Due before the other, however long we are kept from asking.
    auto const before = std::chrono::steady_clock::now();
    queue.finish(pod("bad"), base::Error{base::Code::unavailable, "no"});
    EXPECT_EQ(queue.take({}), pod("good"));
    EXPECT_EQ(queue.take({}), pod("bad"));
    EXPECT_GE(std::chrono::steady_clock::now() - before, WorkQueue::first_backoff);
}

TEST(WorkQueue, takes_the_earlier_of_two_moments)
{
    WorkQueue queue;
    queue.add_after(pod("a"), 1h);
    queue.add_after(pod("a"), 0ms);
    queue.add_after(pod("a"), 1h);
    EXPECT_EQ(queue.take({}), pod("a"));
    EXPECT_EQ(queue.waiting(), 0u);
}

TEST(WorkQueue, rests_once_all_that_is_due_was_worked_off)
{
    WorkQueue queue;
    queue.wait_for_rest(base::Deadline::after(1h));
    queue.add(pod("a"));
    queue.add(pod("b"));
    queue.add_after(pod("later"), 1h);
    std::atomic<int> finished = 0;
    std::jthread const worker{[&](std::stop_token stop) {
        while (auto const key = queue.take(stop)) {
            std::this_thread::sleep_for(10ms);
            ++finished;
            queue.finish(*key, Next::settled());
        }
    }};
    queue.wait_for_rest(base::Deadline::after(1h));
    EXPECT_EQ(finished, 2);
}

TEST(WorkQueue, waits_for_rest_no_longer_than_it_may)
{
    WorkQueue queue;
    queue.add(pod("a"));
    EXPECT_EQ(queue.take({}), pod("a"));
    queue.wait_for_rest(base::Deadline::after(5ms));
    EXPECT_EQ(queue.waiting(), 0u);
}

TEST(WorkQueue, wakes_its_workers_when_it_is_stopped)
{
    WorkQueue queue;
    std::atomic<bool> ended = false;
    {
        std::jthread const worker{[&](std::stop_token stop) {
            EXPECT_FALSE(queue.take(stop));
            ended = true;
        }};
    }
    EXPECT_TRUE(ended);
}

} // namespace
} // namespace nova::control
