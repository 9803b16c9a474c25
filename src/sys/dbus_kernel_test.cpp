// Against the real dbus-daemon, with a configuration and a socket of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/abort_guard_testing.h"
#include "sys/child.h"
#include "sys/dbus.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::sys {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::Deadline;
using namespace std::chrono_literals;

constexpr auto daemon_name = "org.freedesktop.DBus";
constexpr auto daemon_path = "/org/freedesktop/DBus";

class BusTest : public testing::Test {
protected:
    void SetUp() override
    {
        if (!find_program("dbus-daemon").ok())
            GTEST_SKIP() << "needs dbus-daemon";
        fs::create_directories(directory);
        constexpr auto policy = "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
                                "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>";
        std::ofstream{directory / "bus.conf"} << "<busconfig><type>session</type><listen>unix:path=" << socket
                                              << "</listen><auth>EXTERNAL</auth>" << policy << "</busconfig>";
        ChildSpec spec;
        spec.program = find_program("dbus-daemon").value();
        spec.argv = {"dbus-daemon", "--nofork", "--config-file=" + (directory / "bus.conf").string()};
        spec.parent_death_signal = SIGKILL;
        daemon.emplace(spawn(spec).value());
        for (int i = 0; i < 3000 && !UnixStream::connect(socket, Deadline::after(30s)).ok(); ++i)
            ::usleep(10000); // It is there before it listens.
    }

    void TearDown() override
    {
        daemon.reset();
        fs::remove_all(directory);
    }

    Bus connect() const { return Bus::connect(socket, BusPeer::broker, Deadline::after(30s)).value(); }

    static Result<BusMessage> ask(Bus& bus, const std::string& member, const std::string& argument = {})
    {
        BusCall call{daemon_name, daemon_path, daemon_name, member};
        BusWriter body;
        if (!argument.empty()) {
            body.text(argument);
            call.signature = "s";
            call.body = body.bytes();
        }
        return bus.call(call, Deadline::after(30s));
    }

    fs::path directory = fs::temp_directory_path() / ("nova-bus-" + random_hex(8));
    std::string socket = (directory / "bus").string();
    std::optional<Child> daemon;
    base::AbortGuard const guard{directory};
};

TEST_F(BusTest, logs_in_and_gets_answers)
{
    auto bus = connect();
    auto const answer = ask(bus, "GetId").value();
    EXPECT_EQ(answer.signature, "s");
    EXPECT_EQ(BusReader{answer.body}.text().value().size(), 32u);
    auto const owner = ask(bus, "GetNameOwner", daemon_name).value();
    EXPECT_EQ(BusReader{owner.body}.text().value(), daemon_name);
}

TEST_F(BusTest, is_told_as_words_what_the_other_side_refuses)
{
    auto bus = connect();
    auto const refused = ask(bus, "NoSuchMember");
    EXPECT_TRUE(failed_with(refused, Code::failed_precondition));
    EXPECT_NE(refused.error().message().find("NoSuchMember: org.freedesktop.DBus.Error.UnknownMethod: "), std::string::npos)
        << refused.error().message();
    BusCall const nobody{"org.nobody.here", "/", "org.nobody.here", "Ask"};
    EXPECT_TRUE(failed_with(bus.call(nobody, Deadline::after(30s)), Code::not_found));
    EXPECT_TRUE(ask(bus, "GetId").ok()) << "and the connection goes on";
}

TEST_F(BusTest, hears_signals_of_others_also_when_they_came_during_a_call)
{
    auto bus = connect();
    auto const rule = std::string{"type='signal',interface='org.freedesktop.DBus',member='NameOwnerChanged'"};
    ASSERT_TRUE(bus.subscribe(rule, Deadline::after(30s)).ok());
    {
        auto other = connect(); // It gets a name, which is told.
        ASSERT_TRUE(ask(bus, "GetId").ok());
    }
    auto const changed = [](const BusMessage& message) { return message.member == "NameOwnerChanged"; };
    auto const signal = bus.wait_for_signal(changed, Deadline::after(30s)).value();
    EXPECT_EQ(signal.signature, "sss");
    EXPECT_EQ(BusReader{signal.body}.text().value().front(), ':');
    EXPECT_TRUE(failed_with(bus.wait_for_signal([](const BusMessage&) { return false; }, Deadline::after(100ms)),
                            Code::deadline_exceeded));
}

TEST_F(BusTest, passes_arrays_structs_and_variants_that_the_daemon_checks)
{
    auto bus = connect();
    // UpdateActivationEnvironment takes a{ss}; the daemon closes the connection of whoever sends it a malformed message.
    BusWriter body;
    auto const array = body.begin_array(8);
    for (const char* const name : {"A", "LONGER_NAME"}) {
        body.begin_struct();
        body.text(name);
        body.text("value");
    }
    body.end_array(array);
    BusCall const call{daemon_name, daemon_path, daemon_name, "UpdateActivationEnvironment", "a{ss}", body.bytes()};
    auto const answer = bus.call(call, Deadline::after(30s));
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_TRUE(ask(bus, "GetId").ok());
}

TEST_F(BusTest, says_when_nobody_is_there)
{
    EXPECT_TRUE(failed_with(Bus::connect(socket + "-gone", BusPeer::broker, Deadline::after(30s)), Code::not_found));
    daemon.reset();
    EXPECT_TRUE(failed_with(Bus::connect(socket, BusPeer::broker, Deadline::after(30s)), Code::unavailable));
}

} // namespace
} // namespace nova::sys
