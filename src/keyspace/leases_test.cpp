#include <gtest/gtest.h>

#include <functional>

#include "keyspace/store_fixture.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::failed_with;
using namespace std::chrono_literals;

using std::chrono::milliseconds;

class LeaseTest : public StoreFixture {
protected:
    using Clock = std::chrono::steady_clock;

    bool is_gone(const std::string& key)
    {
        for (auto const until = Clock::now() + 2min; Clock::now() < until; std::this_thread::sleep_for(2ms))
            if (!store().get(key).ok())
                return true;
        return false;
    }

    /// For what has to be done while a lease lives: again with twice the time where this machine was too slow for that. Returns
    /// the time that was enough.
    static milliseconds in_time(milliseconds time, const std::function<bool(milliseconds)>& is_done_in)
    {
        while (time < 1min && !is_done_in(time))
            time *= 2;
        EXPECT_LT(time, 1min) << "no machine is so slow";
        return time;
    }
};

TEST_F(LeaseTest, takes_its_keys_with_it_when_it_runs_out)
{
    Clock::time_point start;
    LeaseId lease = 0;
    std::unique_ptr<Watch> watch;
    auto const time = in_time(150ms, [&](milliseconds most) {
        start = Clock::now();
        lease = store().grant(most).value();
        bool const put = store().put("/a", "1", {.lease = lease}).ok() && store().put("/b", "2", {.lease = lease}).ok();
        EXPECT_TRUE(store().put("/c", "3").ok());
        watch = store().watch("/", store().revision(), {}).value();
        auto const read = store().get("/a");
        if (!put || !read.ok() || Clock::now() - start > most / 2)
            return (void)store().revoke(lease), false;
        EXPECT_EQ(read.value().lease, lease);
        return true;
    });
    auto const before = watch->progress();
    ASSERT_TRUE(is_gone("/b"));
    EXPECT_GE(Clock::now() - start, time);
    std::vector<Change> changes;
    for (auto const until = Clock::now() + 30s; changes.size() < 2 && Clock::now() < until; std::this_thread::sleep_for(2ms))
        for (auto& change : watch->take(10).value()) // What is durable can be read a moment before it is told.
            changes.push_back(std::move(change));
    ASSERT_EQ(changes.size(), 2u);
    EXPECT_EQ(changes[0].type, Change::Type::removed);
    EXPECT_EQ(changes[0].record.value, "1");
    EXPECT_EQ(changes[1].record.modified, before + 2);
    EXPECT_TRUE(store().get("/c").ok());
    EXPECT_TRUE(failed_with(store().keep_alive(lease), Code::not_found));
    EXPECT_TRUE(failed_with(store().put("/d", "4", {.lease = lease}), Code::not_found));
}

TEST_F(LeaseTest, lives_on_while_it_is_kept_alive)
{
    in_time(1500ms, [&](milliseconds time) {
        auto kept = Clock::now();
        auto const lease = store().grant(time).value();
        if (!store().put("/a", "1", {.lease = lease}).ok())
            return false;
        for (int i = 0; i < 8; ++i) {
            std::this_thread::sleep_for(time / 6);
            auto const now = Clock::now();
            bool const lives = store().keep_alive(lease).ok() && store().get("/a").ok();
            if (Clock::now() - std::exchange(kept, now) > time * 3 / 4)
                return false;
            EXPECT_TRUE(lives) << i;
        }
        return true;
    });
    EXPECT_TRUE(is_gone("/a"));
}

TEST_F(LeaseTest, leaves_a_key_alone_that_was_written_without_it_since)
{
    auto const lease = store().grant(1h).value();
    ASSERT_TRUE(store().put("/a", "1", {.lease = lease}).ok());
    ASSERT_TRUE(store().put("/b", "1", {.lease = lease}).ok());
    ASSERT_TRUE(store().put("/a", "2").ok());
    ASSERT_TRUE(store().revoke(lease).ok());
    EXPECT_TRUE(store().get("/a").ok());
    EXPECT_TRUE(failed_with(store().get("/b"), Code::not_found));
    EXPECT_TRUE(failed_with(store().revoke(lease), Code::not_found));
}

TEST_F(LeaseTest, has_its_full_time_again_after_a_restart)
{
    Clock::time_point start;
    Revision before = 0;
    auto const time = in_time(400ms, [&](milliseconds most) {
        auto const granted = Clock::now();
        auto const lease = store().grant(most).value();
        bool const put = store().put("/a", "1", {.lease = lease}).ok();
        before = store().revision();
        std::this_thread::sleep_for(most * 5 / 8);
        close();
        start = Clock::now();
        store();
        return put && start - granted < most;
    });
    ASSERT_TRUE(is_gone("/a"));
    EXPECT_GE(Clock::now() - start, time);
    for (int i = 0; i < 3000 && store().revision() != before + 1; ++i)
        std::this_thread::sleep_for(10ms); // What is durable can be read a moment before it is published.
    EXPECT_EQ(store().revision(), before + 1);
}

TEST_F(LeaseTest, of_many_runs_out_in_order_of_deadlines)
{
    Revision before = 0;
    in_time(100ms, [&](milliseconds time) {
        auto const start = Clock::now();
        auto const late = store().grant(time * 5 / 2).value();
        auto const early = store().grant(time).value();
        bool const put = store().put("/late", "", {.lease = late}).ok() && store().put("/early", "", {.lease = early}).ok();
        before = store().revision();
        return put && Clock::now() - start < time / 2;
    });
    ASSERT_TRUE(is_gone("/late"));
    EXPECT_EQ(store().list("", {.at = before + 1}).value().records.at(0).key, "/late");
}

TEST_F(LeaseTest, must_have_a_time_to_live_within_bounds)
{
    EXPECT_TRUE(failed_with(store().grant(0ms), Code::invalid_argument));
    EXPECT_TRUE(failed_with(store().grant(-1ms), Code::invalid_argument));
    EXPECT_TRUE(failed_with(store().grant(std::chrono::hours{24 * 400}), Code::invalid_argument));
    EXPECT_TRUE(failed_with(store().put("/a", "", {.lease = 42}), Code::not_found));
    EXPECT_TRUE(failed_with(store().revoke(42), Code::not_found));
}

} // namespace
} // namespace nova::keyspace
