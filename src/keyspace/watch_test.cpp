#include <gtest/gtest.h>

#include <latch>

#include "keyspace/history.h"
#include "keyspace/hub.h"
#include "keyspace/store_fixture.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::failed_with;
using namespace std::chrono_literals;

/// Counts calls of on_ready, and waits for them.
class Bell {
public:
    std::function<void()> ring()
    {
        return [this] {
            std::lock_guard const lock{mutex_};
            ++rung_;
            changed_.notify_all();
        };
    }
    bool wait()
    {
        std::unique_lock lock{mutex_};
        bool const heard = changed_.wait_for(lock, 30s, [this] { return rung_ > 0; });
        rung_ = 0;
        return heard;
    }
    int rung()
    {
        std::lock_guard const lock{mutex_};
        return rung_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int rung_ = 0;
};

class WatchTest : public StoreFixture {
protected:
    /// All up to and with a revision, whatever the size of the portions.
    static std::vector<Change> drain(Watch& watch, Revision upto, std::size_t most = 7)
    {
        std::vector<Change> all;
        while (watch.progress() < upto) {
            auto taken = watch.take(most).value();
            EXPECT_LE(taken.size(), most);
            std::move(taken.begin(), taken.end(), std::back_inserter(all));
        }
        return all;
    }
};

TEST_F(WatchTest, is_told_of_changes_under_its_prefix)
{
    Bell bell;
    auto const watch = store().watch("/a/", 0, bell.ring()).value();
    EXPECT_TRUE(watch->take(10).value().empty());
    ASSERT_TRUE(store().put("/b/1", "no").ok());
    ASSERT_TRUE(store().put("/a/1", "one").ok());
    ASSERT_TRUE(bell.wait());
    ASSERT_TRUE(store().put("/a/1", "two").ok());
    ASSERT_TRUE(store().remove("/a/1").ok());

    auto const changes = watch->take(10).value();
    ASSERT_EQ(changes.size(), 3u);
    EXPECT_EQ(changes[0].record.value, "one");
    EXPECT_EQ(changes[0].previous, std::nullopt);
    EXPECT_EQ(changes[1].record.modified, 3u);
    EXPECT_EQ(changes[1].previous.value().value, "one");
    EXPECT_EQ(changes[2].type, Change::Type::removed);
    EXPECT_EQ(changes[2].record.value, "two");
    EXPECT_EQ(changes[2].record.modified, 4u);
    EXPECT_EQ(changes[2].previous.value().modified, 3u);
    EXPECT_EQ(watch->progress(), 4u);
}

TEST_F(WatchTest, makes_progress_where_nothing_concerns_it)
{
    Bell bell;
    auto const watch = store().watch("/a/", 0, bell.ring()).value();
    EXPECT_TRUE(watch->take(10).value().empty());
    ASSERT_TRUE(store().put("/b", "1").ok());
    EXPECT_EQ(watch->progress(), 1u);
    EXPECT_TRUE(watch->take(10).value().empty());
    EXPECT_EQ(bell.rung(), 0);
}

TEST_F(WatchTest, starts_from_any_revision_that_is_there)
{
    for (int i = 1; i <= 5; ++i)
        ASSERT_TRUE(store().put("/a", std::to_string(i)).ok());
    Bell bell;
    auto const watch = store().watch("/", 3, bell.ring()).value();
    EXPECT_TRUE(bell.wait()); // There is something, and it says so though nobody asked.
    auto const changes = watch->take(10).value();
    ASSERT_EQ(changes.size(), 2u);
    EXPECT_EQ(changes[0].record.value, "4");
    EXPECT_EQ(changes[0].previous.value().value, "3");
    EXPECT_TRUE(failed_with(store().watch("/", 6, {}), Code::out_of_range));
    ASSERT_TRUE(store().compact(4).ok());
    EXPECT_TRUE(store().watch("/", 4, {}).ok());
    auto const expired = store().watch("/", 3, {});
    ASSERT_TRUE(failed_with(expired, Code::out_of_range));
    EXPECT_NE(expired.error().message().find("Expired"), std::string::npos);
}

TEST_F(WatchTest, reads_changes_from_before_a_restart)
{
    ASSERT_TRUE(store().put("/a", "1").ok());
    ASSERT_TRUE(store().put("/a", "2").ok());
    ASSERT_TRUE(store().remove("/a").ok());
    reopen();
    auto const watch = store().watch("/", 0, {}).value();
    auto const changes = watch->take(10).value();
    ASSERT_EQ(changes.size(), 3u);
    EXPECT_EQ(changes[1].previous.value().value, "1");
    EXPECT_EQ(changes[2].type, Change::Type::removed);
    EXPECT_EQ(changes[2].record.value, "2");
    EXPECT_EQ(changes[2].record.modified, 3u);
}

TEST_F(WatchTest, skips_nothing_where_it_lags_behind_the_ring)
{
    reopen({.ring_changes_most = 8});
    auto const watch = store().watch("/a/", 0, {}).value();
    constexpr auto rounds = 50;
    for (int i = 0; i < rounds; ++i) {
        ASSERT_TRUE(store().put("/a/" + std::to_string(i % 5), std::to_string(i)).ok());
        ASSERT_TRUE(store().put("/b", "x").ok());
    }
    auto const changes = drain(*watch, 2 * rounds);
    ASSERT_EQ(changes.size(), static_cast<std::size_t>(rounds));
    for (int i = 0; i < rounds; ++i)
        EXPECT_EQ(changes[static_cast<std::size_t>(i)].record.value, std::to_string(i));
}

TEST_F(WatchTest, that_was_compacted_away_under_its_cursor_expires)
{
    reopen({.ring_changes_most = 4});
    auto const watch = store().watch("/", 0, {}).value();
    for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(store().put("/a", "x").ok());
    ASSERT_TRUE(store().compact(10).ok());
    EXPECT_TRUE(failed_with(watch->take(5), Code::out_of_range));
}

TEST_F(WatchTest, that_took_everything_survives_compaction)
{
    reopen({.ring_changes_most = 4});
    auto const watch = store().watch("/quiet/", 0, {}).value();
    EXPECT_TRUE(watch->take(1).value().empty());
    for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(store().put("/a", "x").ok());
    ASSERT_TRUE(store().compact(20).ok());
    ASSERT_TRUE(store().put("/quiet/1", "now").ok());
    EXPECT_EQ(watch->take(1).value().at(0).record.value, "now");
}

TEST_F(WatchTest, sees_every_change_in_order_while_many_write)
{
    reopen({.ring_changes_most = 64});
    Bell bell;
    auto const watch = store().watch("/w/", 0, bell.ring()).value();
    constexpr auto writers = 6;
    constexpr auto each = 100;
    std::vector<std::jthread> threads;
    for (int i = 0; i < writers; ++i)
        threads.emplace_back([&, i] {
            for (int n = 0; n < each; ++n)
                EXPECT_TRUE(store().put("/w/" + std::to_string(i), std::to_string(n)).ok());
        });
    Revision last = 0;
    while (last < writers * each) {
        auto const changes = watch->take(10).value();
        if (changes.empty()) {
            ASSERT_TRUE(bell.wait());
        }
        for (const auto& change : changes)
            ASSERT_EQ(change.record.modified, ++last);
    }
}

TEST_F(WatchTest, is_not_called_after_it_is_gone)
{
    store();
    std::atomic<bool> stop = false;
    std::jthread const writer{[&] {
        while (!stop)
            (void)store().put("/a", "x");
    }};
    for (int i = 0; i < 300; ++i) {
        auto alive = std::make_unique<std::atomic<bool>>(true); // Freed at once: a late call is a use after free.
        auto watch = store().watch("/", store().revision(), [raw = alive.get()] { EXPECT_TRUE(raw->load()); }).value();
        (void)watch->take(100);
        std::this_thread::sleep_for(std::chrono::microseconds{i % 7 * 20});
        watch.reset();
        *alive = false;
        alive.reset();
    }
    stop = true;
}

TEST_F(WatchTest, waits_in_its_destructor_for_the_call_that_runs)
{
    std::latch inside{1};
    std::atomic<bool> left = false;
    auto watch = store().watch("/", 0, [&] {
        inside.count_down();
        std::this_thread::sleep_for(50ms);
        left = true;
    });
    ASSERT_TRUE(store().put("/a", "1").ok());
    inside.wait();
    watch.value().reset();
    EXPECT_TRUE(left);
}

TEST_F(WatchTest, may_outlive_its_store)
{
    auto const watch = store().watch("/", 0, {}).value();
    ASSERT_TRUE(store().put("/a", "1").ok());
    close();
    EXPECT_TRUE(failed_with(watch->take(1), Code::unavailable));
    reopen(); // The store is free for others though the watch is still held.
    EXPECT_EQ(store().revision(), 1u);
}

TEST_F(WatchTest, wakes_only_those_whom_a_change_concerns)
{
    std::vector<std::unique_ptr<Bell>> bells;
    std::vector<std::unique_ptr<Watch>> watches;
    for (int i = 0; i < 100; ++i) {
        bells.push_back(std::make_unique<Bell>());
        watches.push_back(store().watch("/k/" + std::to_string(i) + "/", 0, bells.back()->ring()).value());
    }
    ASSERT_TRUE(store().put("/k/42/x", "1").ok());
    EXPECT_TRUE(bells[42]->wait());
    std::this_thread::sleep_for(20ms);
    for (const auto& bell : bells)
        EXPECT_EQ(bell->rung(), 0);
    watches.erase(watches.begin(), watches.begin() + 42);
    ASSERT_EQ(watches.front()->take(9).value().size(), 1u);
    EXPECT_EQ(store().stats().watches, 58u);
}

TEST(EndOfPrefix, is_the_first_key_behind_it)
{
    EXPECT_EQ(end_of("/a/"), "/a0");
    EXPECT_EQ(end_of("a\xff\xff"), "b");
    EXPECT_GT(end_of(""), std::string(1024, '\xff'));
}

} // namespace
} // namespace nova::keyspace
