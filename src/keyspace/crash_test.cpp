#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <random>

#include "base/strings.h"
#include "keyspace/store_fixture.h"
#include "sys/child.h"
#include "sys/file.h"

namespace nova::keyspace {
namespace {

constexpr auto directory_variable = "NOVA_KEYSPACE_CRASH_DIRECTORY";
constexpr auto rounds = 25;
constexpr auto writers = 4;

/// Not a test of its own: what the child of the test below runs, until it is killed. Acknowledges each write on stdout.
TEST(CrashingChild, writes_until_it_is_killed)
{
    auto const* const directory = std::getenv(directory_variable);
    if (directory == nullptr)
        GTEST_SKIP() << "runs only as the child of Crash";
    auto const store = open_sqlite_keyspace(directory, {.history_kept = 300, .history_slack = 20}).value();
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer)
        threads.emplace_back([&store, writer] {
            auto const key = "/w/" + std::to_string(writer);
            for (int count = 0;; ++count) {
                auto const previous = store->get(key);
                auto const next = previous.ok() ? std::stoi(previous.value().value) + 1 : 0;
                auto const put = store->put(key, std::to_string(next)).value();
                auto const line = "ack " + std::to_string(put.modified) + " " + key + " " + put.value + "\n";
                (void)sys::write_all(STDOUT_FILENO, line); // Under PIPE_BUF: lines of several threads never mix.
                if (count % 10 == 9)
                    (void)store->remove(key + "/gone");
                else
                    (void)store->put(key + "/gone", "x");
            }
        });
}

struct Acknowledged {
    std::map<std::string, int> values; ///< The highest of each key.
    Revision revision = 0;
};

class Crash : public StoreFixture {
protected:
    enum class From { start, first_acknowledgement };

    /// Lets a child write for a random time, kills it, and returns what it had acknowledged.
    Acknowledged write_and_kill(From from_when, std::chrono::microseconds after)
    {
        int ends[2] = {};
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        sys::UniqueFd const from{ends[0]};
        sys::UniqueFd to{ends[1]};
        auto child = sys::spawn({.program = "/proc/self/exe",
                                 .argv = {"keyspace_test", "--gtest_filter=CrashingChild.*", "--gtest_brief=1"},
                                 .env = std::vector<std::string>{directory_variable + ("=" + directory_)},
                                 .out = to.get()})
                         .value();
        to.reset();
        auto const kill_later = [&child, after] {
            std::this_thread::sleep_for(after);
            (void)child.signal(SIGKILL);
        };
        std::jthread killer;
        if (from_when == From::start)
            killer = std::jthread{kill_later};
        std::string output;
        char piece[4096];
        for (ssize_t count = 0; (count = ::read(from.get(), piece, sizeof piece)) > 0;) {
            output.append(piece, static_cast<std::size_t>(count));
            if (!killer.joinable() && output.find("ack ") != std::string::npos)
                killer = std::jthread{kill_later};
        }
        EXPECT_EQ(child.wait(base::Deadline::after(std::chrono::seconds{30})).value().value().signal, SIGKILL);
        return parse(output);
    }

    static Acknowledged parse(const std::string& output)
    {
        Acknowledged all;
        for (const auto& line : base::split(output, '\n')) {
            auto const words = base::split(line, ' ');
            if (words.size() != 4 || words[0] != "ack")
                continue;
            all.revision = std::max<Revision>(all.revision, std::stoull(words[1]));
            all.values[words[2]] = std::max(all.values[words[2]], std::stoi(words[3]));
        }
        return all;
    }
};

TEST_F(Crash, loses_no_acknowledged_write_to_sigkill)
{
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "the thread sanitizer takes spawn's child, which shares our memory until it execs, for a fork of ours";
#endif
    std::mt19937 random{std::random_device{}()};
    std::uniform_int_distribution<int> moment{5'000, 120'000};
    std::size_t acknowledged = 0;
    Revision highest = 0;
    for (int round = 0; round < rounds; ++round) {
        auto const from = round % 2 == 0 ? From::start : From::first_acknowledgement; // By then a slow machine has not begun.
        auto const all = write_and_kill(from, std::chrono::microseconds{moment(random)});
        acknowledged += all.values.size();
        reopen();
        EXPECT_GE(store().revision(), std::max(all.revision, highest)) << "the counter went back";
        highest = store().revision();
        for (const auto& [key, value] : all.values) {
            auto const found = store().get(key);
            ASSERT_TRUE(found.ok()) << key << " was acknowledged and is gone";
            EXPECT_GE(std::stoi(found.value().value), value) << key;
        }
        // The history is whole too: one change per revision since the compaction.
        auto const watch = store().watch("", store().stats().compacted, {}).value();
        auto expected = store().stats().compacted;
        while (watch->progress() < highest) {
            auto const changes = watch->take(1000).value();
            for (const auto& change : changes)
                ASSERT_EQ(change.record.modified, ++expected);
        }
        EXPECT_EQ(expected, highest);
        close();
    }
    EXPECT_GT(acknowledged, 0u);
}

} // namespace
} // namespace nova::keyspace
