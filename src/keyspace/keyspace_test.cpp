#include "keyspace/keyspace.h"

#include <gtest/gtest.h>

#include "keyspace/limits.h"
#include "keyspace/store_fixture.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::failed_with;

class KeyspaceTest : public StoreFixture {};

std::vector<std::string> keys_of(const Page& page)
{
    std::vector<std::string> keys;
    for (const auto& record : page.records)
        keys.push_back(record.key);
    return keys;
}

using Keys = std::vector<std::string>;

TEST_F(KeyspaceTest, gives_back_what_was_put_with_growing_revisions)
{
    auto const first = store().put("/a", "one");
    ASSERT_TRUE(first.ok()) << first.error().message();
    EXPECT_EQ(first.value().modified, 1u);
    EXPECT_EQ(first.value().created, 1u);
    auto const second = store().put("/a", "two");
    EXPECT_EQ(second.value().modified, 2u);
    EXPECT_EQ(second.value().created, 1u);
    auto const read = store().get("/a");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().value, "two");
    EXPECT_EQ(read.value().modified, 2u);
    EXPECT_TRUE(failed_with(store().get("/b"), Code::not_found));
}

TEST_F(KeyspaceTest, keeps_bytes_as_they_are)
{
    std::string const odd{"a\0b\xff\x80", 5};
    ASSERT_TRUE(store().put(odd, odd).ok());
    ASSERT_TRUE(store().put("/empty", "").ok());
    EXPECT_EQ(store().get(odd).value().value, odd);
    EXPECT_EQ(store().get("/empty").value().value, "");
    EXPECT_EQ(store().list(odd.substr(0, 4)).value().records.size(), 1u);
    EXPECT_EQ(store().list("").value().records.size(), 2u);
}

TEST_F(KeyspaceTest, writes_by_compare_and_swap_only_where_the_revision_matches)
{
    EXPECT_TRUE(failed_with(store().put("/a", "x", {.expected = 7}), Code::aborted));
    ASSERT_TRUE(store().put("/a", "x", {.expected = 0}).ok());
    EXPECT_TRUE(failed_with(store().put("/a", "y", {.expected = 0}), Code::aborted));
    EXPECT_TRUE(failed_with(store().put("/a", "y", {.expected = 2}), Code::aborted));
    EXPECT_EQ(store().put("/a", "y", {.expected = 1}).value().modified, 2u);
    EXPECT_TRUE(failed_with(store().remove("/a", 1), Code::aborted));
    EXPECT_EQ(store().remove("/a", 2).value(), 3u);
    EXPECT_TRUE(failed_with(store().remove("/a"), Code::not_found));
    EXPECT_EQ(store().put("/a", "z", {.expected = 0}).value().created, 4u);
    EXPECT_EQ(store().revision(), 4u); // What was refused took no revision.
}

TEST_F(KeyspaceTest, lets_one_of_many_win_a_compare_and_swap)
{
    ASSERT_TRUE(store().put("/n", "0").ok());
    constexpr auto threads = 8;
    constexpr auto rounds = 20;
    {
        std::vector<std::jthread> workers;
        for (int i = 0; i < threads; ++i)
            workers.emplace_back([&] {
                for (int done = 0; done < rounds;) {
                    auto const now = store().get("/n").value();
                    done += store().put("/n", std::to_string(std::stoi(now.value) + 1), {.expected = now.modified}).ok() ? 1 : 0;
                }
            });
    }
    EXPECT_EQ(store().get("/n").value().value, std::to_string(threads * rounds));
}

TEST_F(KeyspaceTest, lists_a_prefix_in_order_of_keys)
{
    for (const auto* key : {"/b/2", "/a/1", "/b/1", "/b", "/c", "/b/10"})
        ASSERT_TRUE(store().put(key, key).ok());
    ASSERT_TRUE(store().remove("/b/2").ok());
    auto const page = store().list("/b/").value();
    EXPECT_EQ(keys_of(page), (Keys{"/b/1", "/b/10"}));
    EXPECT_EQ(page.revision, 7u);
    EXPECT_EQ(page.continue_token, "");
    EXPECT_EQ(store().list("/x").value().records.size(), 0u);
}

TEST_F(KeyspaceTest, pages_through_one_revision_while_writes_go_on)
{
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(store().put("/k/" + std::to_string(i), "old").ok());
    auto page = store().list("/k/", {.limit = 4}).value();
    EXPECT_EQ(page.remaining, 6u);
    EXPECT_EQ(page.revision, 10u);
    auto keys = keys_of(page);
    while (!page.continue_token.empty()) {
        ASSERT_TRUE(store().put("/k/9", "new").ok());
        ASSERT_TRUE(store().put("/k/55", "new").ok());
        (void)store().remove("/k/8");
        page = store().list("/k/", {.limit = 4, .continue_token = page.continue_token}).value();
        EXPECT_EQ(page.revision, 10u);
        for (const auto& record : page.records)
            EXPECT_EQ(record.value, "old");
        auto const more = keys_of(page);
        keys.insert(keys.end(), more.begin(), more.end());
    }
    EXPECT_EQ(keys.size(), 10u);
    EXPECT_EQ(page.remaining, 0u);
}

TEST_F(KeyspaceTest, reads_the_past_until_it_is_compacted)
{
    ASSERT_TRUE(store().put("/a", "1").ok());
    ASSERT_TRUE(store().put("/b", "2").ok());
    ASSERT_TRUE(store().put("/a", "3").ok());
    ASSERT_TRUE(store().remove("/b").ok());
    EXPECT_EQ(store().list("", {.at = 2}).value().records.at(0).value, "1");
    EXPECT_EQ(store().list("", {.at = 3}).value().records.size(), 2u);
    EXPECT_EQ(store().list("", {.at = 4}).value().records.size(), 1u);
    EXPECT_TRUE(failed_with(store().list("", {.at = 5}), Code::out_of_range));

    ASSERT_TRUE(store().compact(3).ok());
    EXPECT_EQ(store().list("", {.at = 3}).value().records.size(), 2u);
    auto const gone = store().list("", {.at = 2});
    ASSERT_TRUE(failed_with(gone, Code::out_of_range));
    EXPECT_NE(gone.error().message().find("Expired"), std::string::npos);
    EXPECT_TRUE(failed_with(store().compact(5), Code::out_of_range));
    EXPECT_TRUE(store().compact(2).ok());
    EXPECT_EQ(store().stats().compacted, 3u);
}

TEST_F(KeyspaceTest, expires_the_token_of_a_list_that_was_compacted_away)
{
    for (int i = 0; i < 4; ++i)
        ASSERT_TRUE(store().put("/k/" + std::to_string(i), "v").ok());
    auto const page = store().list("/k/", {.limit = 2}).value();
    ASSERT_TRUE(store().put("/k/9", "v").ok());
    ASSERT_TRUE(store().compact(5).ok());
    EXPECT_TRUE(failed_with(store().list("/k/", {.limit = 2, .continue_token = page.continue_token}), Code::out_of_range));
}

TEST_F(KeyspaceTest, refuses_a_token_that_is_not_its_own)
{
    for (int i = 0; i < 4; ++i)
        ASSERT_TRUE(store().put("/k/" + std::to_string(i), "v").ok());
    auto const token = store().list("/k/", {.limit = 2}).value().continue_token;
    for (const auto& odd : {std::string{"x"}, token.substr(1), token.substr(0, token.size() - 1), token + "zz", token + "."})
        EXPECT_TRUE(failed_with(store().list("/k/", {.continue_token = odd}), Code::invalid_argument)) << odd;
    EXPECT_TRUE(failed_with(store().list("/other/", {.continue_token = token}), Code::invalid_argument));
}

TEST_F(KeyspaceTest, goes_on_counting_after_it_was_closed)
{
    ASSERT_TRUE(store().put("/a", "1").ok());
    ASSERT_TRUE(store().put("/b", "2").ok());
    ASSERT_TRUE(store().remove("/b").ok());
    reopen();
    EXPECT_EQ(store().revision(), 3u);
    EXPECT_EQ(store().get("/a").value().value, "1");
    EXPECT_TRUE(failed_with(store().get("/b"), Code::not_found));
    EXPECT_EQ(store().put("/c", "3").value().modified, 4u);
}

TEST_F(KeyspaceTest, goes_on_counting_after_everything_was_removed_and_compacted)
{
    ASSERT_TRUE(store().put("/a", "1").ok());
    ASSERT_TRUE(store().remove("/a").ok());
    ASSERT_TRUE(store().compact(2).ok());
    reopen();
    EXPECT_EQ(store().revision(), 2u);
    EXPECT_EQ(store().list("").value().revision, 2u);
    EXPECT_EQ(store().put("/a", "2").value().modified, 3u);
}

TEST_F(KeyspaceTest, compacts_by_itself_as_it_is_written_to)
{
    reopen({.history_kept = 50, .history_slack = 10});
    ASSERT_TRUE(store().put("/still", "here").ok());
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(store().put("/busy", std::to_string(i)).ok());
    EXPECT_GE(store().stats().compacted, 201u - 60u);
    EXPECT_LE(store().stats().compacted, 201u - 50u);
    EXPECT_EQ(store().get("/still").value().value, "here");
    EXPECT_EQ(store().get("/busy").value().value, "199");
    EXPECT_EQ(store().list("", {.at = 160}).value().records.size(), 2u);
}

TEST_F(KeyspaceTest, names_the_limit_that_was_exceeded)
{
    EXPECT_TRUE(failed_with(store().put("", "v"), Code::invalid_argument));
    EXPECT_TRUE(failed_with(store().put(std::string(limits::key_bytes_most + 1, 'k'), "v"), Code::resource_exhausted));
    EXPECT_TRUE(failed_with(store().put("/k", std::string(limits::value_bytes_most + 1, 'v')), Code::resource_exhausted));
    EXPECT_TRUE(store().put(std::string(limits::key_bytes_most, '\xff'), std::string(limits::value_bytes_most, 'v')).ok());
    EXPECT_EQ(store().list("\xff").value().records.at(0).value.size(), limits::value_bytes_most);
}

TEST_F(KeyspaceTest, answers_a_full_store_and_goes_on_after_room_was_made)
{
    reopen({.database_bytes_most = 400 * 1024, .history_kept = 1'000'000});
    std::string const big(50 * 1024, 'x');
    auto const before = [&] {
        for (int i = 0;; ++i)
            if (auto const put = store().put("/big", big); !put.ok())
                return put.error().code();
    }();
    EXPECT_EQ(before, Code::resource_exhausted);
    auto const revision = store().revision();
    EXPECT_EQ(store().get("/big").value().modified, revision);
    ASSERT_TRUE(store().compact(revision).ok());
    EXPECT_EQ(store().put("/big", big).value().modified, revision + 1);
}

TEST_F(KeyspaceTest, shares_one_durable_transaction_among_concurrent_puts)
{
    constexpr auto clients = 32;
    constexpr auto each = 20;
    bool shared = false;
    for (int round = 0; round < 20 && !shared; ++round) { // On a busy machine they may come one after the other.
        auto const before = store().stats();
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < clients; ++i)
                threads.emplace_back([&, i] {
                    for (int n = 0; n < each; ++n)
                        EXPECT_TRUE(store().put("/c/" + std::to_string(i), std::to_string(n)).ok());
                });
        }
        auto const stats = store().stats();
        EXPECT_EQ(stats.writes - before.writes, clients * each);
        EXPECT_EQ(stats.revision - before.revision, clients * each);
        shared = stats.commits - before.commits < clients * each / 2;
    }
    EXPECT_TRUE(shared);
}

TEST_F(KeyspaceTest, writes_nothing_while_it_is_idle)
{
    ASSERT_TRUE(store().put("/a", "1").ok());
    auto const lease = store().grant(std::chrono::hours{1}).value();
    auto const before = store().stats();
    auto const files = [&] {
        std::vector<std::filesystem::file_time_type> times;
        for (const auto* name : {"store.db", "store.db-wal"})
            times.push_back(std::filesystem::last_write_time(path(name)));
        return times;
    };
    auto const written = files();
    ASSERT_TRUE(store().keep_alive(lease).ok());
    ASSERT_TRUE(store().get("/a").ok());
    ASSERT_TRUE(store().list("").ok());
    EXPECT_TRUE(failed_with(store().put("/a", "2", {.expected = 9}), Code::aborted));
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    auto const after = store().stats();
    EXPECT_EQ(files(), written);
    EXPECT_EQ(after.commits, before.commits);
    EXPECT_EQ(after.bytes_written, before.bytes_written);
    EXPECT_GT(after.bytes_written, 0u);
}

} // namespace
} // namespace nova::keyspace
