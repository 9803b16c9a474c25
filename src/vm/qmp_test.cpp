#include "vm/qmp.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "sys/file.h"
#include "sys/unix_socket.h"

namespace nova::vm {
namespace {

using base::Code;
using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto greeting = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
constexpr auto capable = "{\"return\": {}, \"id\": 1}\r\n";

/// A monitor that has said all it will ever say before it is asked. Command ids count from 1, so its answers can be written down.
struct Script {
    sys::UnixStream ours;
    sys::UniqueFd theirs;
    std::jthread writer;

    explicit Script(std::string text) : Script(sys::socket_pair(sys::SocketKind::stream).value(), std::move(text)) {}

    Result<Qmp> open(Deadline deadline = Deadline::after(30s)) { return Qmp::open(std::move(ours), deadline); }

private:
    Script(std::pair<sys::UniqueFd, sys::UniqueFd> ends, std::string text)
        : ours(sys::UnixStream::adopt(std::move(ends.first)).value()), theirs(std::move(ends.second))
    {
        // A thread, for long texts do not fit into the socket; and without a signal should the client leave early.
        writer = std::jthread{[fd = theirs.get(), text = std::move(text)] {
            for (std::size_t sent = 0; sent < text.size();) {
                auto const count = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
                if (count <= 0)
                    return;
                sent += static_cast<std::size_t>(count);
            }
        }};
    }
};

Deadline soon() { return Deadline::after(30s); }
Deadline shortly() { return Deadline::after(200ms); } ///< For what never comes.

TEST(Qmp, runs_commands_and_keeps_events_that_come_between)
{
    Script script{std::string{greeting} + "{\"event\": \"RESUME\"}\r\n" + capable + "{\"event\": \"STOP\"}\n" +
                  "{\"return\": {\"status\": \"paused\"}, \"id\": 2}\n{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\n"};
    auto qmp = script.open().value();
    EXPECT_EQ(qmp.execute("query-status", soon()).value()["status"], "paused");
    EXPECT_EQ(qmp.wait_for_event("SHUTDOWN", soon()).value()["data"]["guest"], true);
    auto const events = qmp.take_events();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0]["event"], "RESUME");
    EXPECT_EQ(events[1]["event"], "STOP");
    EXPECT_TRUE(qmp.take_events().empty());
}

TEST(Qmp, finds_an_event_that_came_before_it_was_waited_for)
{
    Script script{std::string{greeting} + "{\"event\": \"STOP\"}\n{\"event\": \"RESET\"}\n" + capable};
    auto qmp = script.open().value();
    EXPECT_TRUE(qmp.wait_for_event("RESET", soon()).ok());
    EXPECT_EQ(qmp.take_events().size(), 1u);
    EXPECT_EQ(qmp.wait_for_event("RESET", shortly()).error().code(), Code::deadline_exceeded);
}

TEST(Qmp, sends_what_qemu_understands)
{
    Script script{std::string{greeting} + capable + "{\"return\": {}, \"id\": 2}\n"};
    auto qmp = script.open().value();
    ASSERT_TRUE(qmp.execute("device_del", json{{"id", "\xff\"nic0\n"}}, soon()).ok());
    auto sent = sys::UnixStream::adopt(std::move(script.theirs)).value();
    EXPECT_EQ(json::parse(sent.read_line(1000, soon()).value()), (json{{"execute", "qmp_capabilities"}, {"id", 1}}));
    auto const command = json::parse(sent.read_line(1000, soon()).value());
    EXPECT_EQ(command["arguments"]["id"], "\uFFFD\"nic0\n") << "one line, and UTF-8 whatever was asked for";
}

TEST(Qmp, tells_refusals_in_qemu_s_words)
{
    Script script{std::string{greeting} + capable + R"({"error": {"class": "CommandNotFound", "desc": "no fly"}, "id": 2})" +
                  "\n" + R"({"error": {"class": "GenericError", "desc": "not now"}, "id": 3})" + "\n" +
                  R"({"error": 7, "id": 4})" + "\n" + R"({"error": {"class": "DeviceNotFound", "desc": "no nic9"}, "id": 5})" +
                  "\n"};
    auto qmp = script.open().value();
    EXPECT_EQ(qmp.execute("fly", soon()).error().code(), Code::unimplemented);
    auto const refused = qmp.execute("cont", soon());
    EXPECT_EQ(refused.error().code(), Code::failed_precondition);
    EXPECT_EQ(refused.error().message(), "cont: not now");
    EXPECT_EQ(qmp.execute("cont", soon()).error().code(), Code::failed_precondition);
    EXPECT_EQ(qmp.execute("device_del", soon()).error().code(), Code::not_found);
}

TEST(Qmp, ignores_answers_to_what_it_did_not_ask)
{
    Script script{std::string{greeting} + "{\"return\": {}}\n{\"return\": 1, \"id\": 99}\n{\"return\": 1, \"id\": {\"a\": 1}}\n" +
                  capable};
    EXPECT_TRUE(script.open().ok());
}

TEST(Qmp, survives_garbage)
{
    for (auto const& text :
         {std::string{"SSH-2.0-OpenSSH_9.2\r\n"}, std::string{"[]\n"}, std::string{"42\n"}, std::string{"{\"QMP\n"},
          std::string{"\xff\xfe\n"}, std::string(100, '\0') + "\n", std::string{"{}\n"}, greeting + std::string{"{\"id\": 1}\n"},
          "{\"QMP\": " + std::string(100, '[') + "\n", std::string(1'000'000, '[') + "\n",
          std::string{greeting} + "{\"return\": {}, \"id\": 1,}\n"}) {
        Script script{text};
        EXPECT_EQ(script.open().error().code(), Code::data_loss) << text.substr(0, 50);
    }
}

TEST(Qmp, refuses_a_line_without_end)
{
    Script script{std::string(most_qmp_line + 100'000, ' ')};
    EXPECT_EQ(Qmp::open(std::move(script.ours), soon()).error().code(), Code::resource_exhausted);
}

TEST(Qmp, bounds_the_events_it_keeps)
{
    std::string text = greeting;
    for (std::size_t i = 0; i < 3 * most_qmp_events; ++i)
        text += "{\"event\": \"E" + std::to_string(i) + "\"}\n";
    Script script{text + capable};
    auto qmp = script.open().value();
    auto const events = qmp.take_events();
    ASSERT_EQ(events.size(), most_qmp_events);
    EXPECT_EQ(events.back()["event"], "E" + std::to_string(3 * most_qmp_events - 1));
}

TEST(Qmp, does_not_wait_for_ever)
{
    for (auto const* text : {"", "{\"QMP\"", "\n\n\n"}) {
        Script script{text};
        EXPECT_EQ(script.open(shortly()).error().code(), Code::deadline_exceeded) << text;
    }
    std::string flood = greeting;
    for (int i = 0; i < 100'000; ++i)
        flood += "{\"event\": \"RTC_CHANGE\", \"data\": {\"offset\": 1}, \"timestamp\": {}}\n";
    Script script{flood};
    EXPECT_FALSE(Qmp::open(std::move(script.ours), Deadline::after(50ms)).ok()) << "events alone are no answer";
}

TEST(Qmp, says_unavailable_when_qemu_is_gone)
{
    Script script{greeting};
    script.writer.join();
    ::shutdown(script.theirs.get(), SHUT_WR);
    EXPECT_EQ(script.open().error().code(), Code::unavailable);
    EXPECT_EQ(Qmp::connect("/nonexistent/monitor", soon()).error().code(), Code::not_found);
}

} // namespace
} // namespace nova::vm
