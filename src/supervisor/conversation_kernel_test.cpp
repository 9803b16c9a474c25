#include <sys/resource.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "supervisor/record.h"
#include "supervisor/supervisor_fixture.h"

/// What one who speaks badly, or not at all, must not do to the others.
namespace nova::supervisor {
namespace {

using base::Code;

class Conversation : public SupervisorFixture {
protected:
    sys::UniqueFd connected() const
    {
        return sys::connect_unix(socket_path(root + "/supervisor"), sys::SocketKind::packets).value();
    }

    static std::string answer_on(const sys::UniqueFd& socket)
    {
        pollfd entry{socket.get(), POLLIN, 0};
        if (::poll(&entry, 1, 60'000) != 1)
            return "none";
        auto const answer = sys::receive_message(socket.get());
        return answer.ok() && answer.value() ? answer.value()->text : "the end";
    }

    pid_t keeper() const
    {
        for (auto const pid : find_pids(root + "/supervisor"))
            if (sys::read_file("/proc/" + std::to_string(pid) + "/cmdline").value().find("--keeper") != std::string::npos)
                return pid;
        return -1;
    }

    static void stop(pid_t pid)
    {
        ::kill(pid, SIGSTOP);
        EXPECT_TRUE(eventually(
            [&] { return sys::read_file("/proc/" + std::to_string(pid) + "/stat").value().find(") T ") != std::string::npos; }));
    }

    const std::string list = R"({"version":1,"call":"list"})";
};

TEST_F(Conversation, with_one_who_asks_and_never_reads_ends)
{
    client->start(shell("web", "exec sleep 60")).value();
    auto const deaf = connected();
    int asked = 0;
    while (asked < 100'000 && sys::send_message(deaf.get(), list).ok())
        EXPECT_TRUE(++asked % 100 != 0 || client->get("web").ok()) << "the others are answered";
    EXPECT_LT(asked, 100'000) << "nobody keeps the answers for ever";
    EXPECT_TRUE(client->get("web").ok());
}

TEST_F(Conversation, with_those_who_say_nothing_costs_the_others_nothing)
{
    std::vector<sys::UniqueFd> silent;
    for (int i = 0; i < 400; ++i)
        silent.push_back(connected());
    EXPECT_TRUE(client->list().ok());
    auto const empty = connected();
    ASSERT_TRUE(sys::send_message(empty.get(), "").ok()); // Which looks like the end.
    EXPECT_EQ(answer_on(empty), "the end");
    EXPECT_TRUE(client->list().ok());
}

TEST_F(Conversation, with_too_many_at_once_is_refused_until_they_go)
{
    std::vector<sys::UniqueFd> silent;
    for (int i = 0; i < 2000; ++i)
        silent.push_back(connected());
    auto const late = connected();
    EXPECT_NE(answer_on(late).find("too many connections"), std::string::npos);
    EXPECT_EQ(answer_on(late), "the end");
    silent.clear();
    EXPECT_TRUE(eventually([&] {
        auto const socket = connected();
        return sys::send_message(socket.get(), list).ok() && answer_on(socket).starts_with(R"({"ok")");
    }));
}

TEST_F(Conversation, that_there_is_no_descriptor_for_is_refused)
{
    client->start(shell("web", "exec sleep 60")).value();
    auto const pid = supervisor_pid(); // Which opens and closes a connection.
    std::vector<sys::UniqueFd> silent; // They take all numbers below.
    for (int i = 0; i < 40; ++i)
        silent.push_back(connected());
    auto const before = connected();
    for (int round = 0; round < 2; ++round) { // Of those that left before it is known by the second answer.
        ASSERT_TRUE(sys::send_message(before.get(), list).ok());
        ASSERT_TRUE(answer_on(before).starts_with(R"({"ok")"));
    }
    rlimit whole{};
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &whole), 0);
    auto const limit_to = [&](rlim_t most) {
        rlimit const limit{most, whole.rlim_max};
        return ::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr);
    };
    rlim_t next = 3;
    while (::access(("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(next)).c_str(), F_OK) == 0)
        ++next;
    ASSERT_EQ(limit_to(next), 0);
    auto const late = connected();
    EXPECT_NE(answer_on(late).find("Too many open files"), std::string::npos);
    EXPECT_EQ(answer_on(late), "the end");
    ASSERT_TRUE(sys::send_message(before.get(), list).ok());
    EXPECT_TRUE(answer_on(before).starts_with(R"({"ok")")) << "who was there before is served";
    ASSERT_EQ(limit_to(whole.rlim_cur), 0);
    EXPECT_TRUE(client->list().ok());
}

TEST_F(Conversation, with_a_message_that_is_too_long_is_answered)
{
    auto const socket = connected();
    int const space = 2 << 20;
    ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &space, sizeof space), 0);
    ASSERT_TRUE(sys::send_message(socket.get(), std::string(most_message_bytes + 1, ' ')).ok());
    EXPECT_NE(answer_on(socket).find("are too many"), std::string::npos);
    EXPECT_EQ(answer_on(socket), "the end");
}

TEST_F(Conversation, goes_on_while_the_keeper_stands_still)
{
    client->start(shell("first", "exec sleep 60")).value();
    auto const still = keeper();
    ASSERT_GT(still, 0);
    stop(still);
    std::atomic<bool> has_started = false;
    std::jthread const starter{[&] {
        EXPECT_TRUE(connect(options()).value()->start(shell("second", "exec sleep 60")).ok());
        has_started = true;
    }};
    std::string refused;
    eventually(
        [&] {
            auto const got = client->get("first");
            refused += got.ok() ? "" : got.error().message();
            return has_started || !refused.empty();
        },
        seconds{60});
    ::kill(still, SIGCONT);
    EXPECT_EQ(refused, "") << "the supervisor waits for its keeper";
}

// What the loop knew of a connection to the keeper that was given up must not hold for whoever gets its number next.
TEST_F(Conversation, is_not_lost_with_the_keepers_connection)
{
    client->start(shell("first", "exec sleep 60")).value();
    std::vector<sys::UniqueFd> silent; // They take all numbers below.
    for (int i = 0; i < 40; ++i)
        silent.push_back(connected());
    auto const starter = connected();
    ASSERT_TRUE(sys::send_message(starter.get(), list).ok());
    ASSERT_TRUE(answer_on(starter).starts_with(R"({"ok")"));
    auto const supervisor = supervisor_pid();
    auto const still = keeper();
    stop(still);
    stop(supervisor);
    auto const start = nlohmann::json{{"version", 1}, {"call", "start"}, {"spec", to_json(shell("second", "exec sleep 60"))}};
    ASSERT_TRUE(sys::send_message(starter.get(), to_text(start)).ok());
    auto const next = connected(); // In the same round, and accepted after the keeper's connection was closed.
    ASSERT_TRUE(sys::send_message(next.get(), list).ok());
    ::kill(supervisor, SIGCONT);
    EXPECT_TRUE(answer_on(starter).starts_with(R"({"ok")"));
    EXPECT_TRUE(answer_on(next).starts_with(R"({"ok")"));
    ::kill(still, SIGCONT);
}

} // namespace
} // namespace nova::supervisor
