#include <gtest/gtest.h>

#include "keyspace/store_fixture.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::failed_with;
using namespace std::chrono_literals;

class LeaseTest : public StoreFixture {
protected:
    bool is_gone_within(const std::string& key, std::chrono::milliseconds most)
    {
        auto const until = std::chrono::steady_clock::now() + most;
        while (std::chrono::steady_clock::now() < until) {
            if (!store().get(key).ok())
                return true;
            std::this_thread::sleep_for(2ms);
        }
        return false;
    }
};

TEST_F(LeaseTest, takes_its_keys_with_it_when_it_runs_out)
{
    auto const start = std::chrono::steady_clock::now();
    auto const lease = store().grant(150ms).value();
    ASSERT_TRUE(store().put("/a", "1", {.lease = lease}).ok());
    ASSERT_TRUE(store().put("/b", "2", {.lease = lease}).ok());
    ASSERT_TRUE(store().put("/c", "3").ok());
    auto const watch = store().watch("/", store().revision(), {}).value();
    EXPECT_EQ(store().get("/a").value().lease, lease);
    ASSERT_TRUE(is_gone_within("/b", 10s));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 150ms);
    auto const changes = watch->take(10).value();
    ASSERT_EQ(changes.size(), 2u);
    EXPECT_EQ(changes[0].type, Change::Type::removed);
    EXPECT_EQ(changes[0].record.value, "1");
    EXPECT_EQ(changes[1].record.modified, 5u);
    EXPECT_TRUE(store().get("/c").ok());
    EXPECT_TRUE(failed_with(store().keep_alive(lease), Code::not_found));
    EXPECT_TRUE(failed_with(store().put("/d", "4", {.lease = lease}), Code::not_found));
}

TEST_F(LeaseTest, lives_on_while_it_is_kept_alive)
{
    auto const lease = store().grant(1500ms).value();
    ASSERT_TRUE(store().put("/a", "1", {.lease = lease}).ok());
    for (int i = 0; i < 8; ++i) {
        std::this_thread::sleep_for(250ms);
        ASSERT_TRUE(store().keep_alive(lease).ok());
    }
    EXPECT_TRUE(store().get("/a").ok());
    EXPECT_TRUE(is_gone_within("/a", 10s));
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
    auto const lease = store().grant(400ms).value();
    ASSERT_TRUE(store().put("/a", "1", {.lease = lease}).ok());
    std::this_thread::sleep_for(250ms);
    reopen();
    auto const start = std::chrono::steady_clock::now();
    ASSERT_TRUE(is_gone_within("/a", 10s));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 380ms);
    for (int i = 0; i < 200 && store().revision() != 2; ++i)
        std::this_thread::sleep_for(10ms); // What is durable can be read a moment before it is published.
    EXPECT_EQ(store().revision(), 2u);
}

TEST_F(LeaseTest, of_many_runs_out_in_order_of_deadlines)
{
    auto const late = store().grant(250ms).value();
    auto const early = store().grant(100ms).value();
    ASSERT_TRUE(store().put("/late", "", {.lease = late}).ok());
    ASSERT_TRUE(store().put("/early", "", {.lease = early}).ok());
    ASSERT_TRUE(is_gone_within("/late", 10s));
    EXPECT_EQ(store().list("", {.at = 3}).value().records.at(0).key, "/late");
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
