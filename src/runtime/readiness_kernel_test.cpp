// NOTIFY_SOCKET: what a container's program tells the service manager that started nb.
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/guarded.h"
#include "runtime/container_fixture.h"
#include "sys/service_manager.h"

namespace nova::runtime {
namespace {

/// A program that says these lines. busybox knows datagrams only as syslog's, whose first line is its own.
std::string say(const std::string& lines) { return "busybox logger \"$(printf 'first\\n" + lines + "')\"\n"; }

class ReadinessOf : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        if (IsSkipped())
            return;
        fs::create_directories(shared);
        fs::permissions(shared, fs::perms::all);
        config["mounts"].push_back(
            {{"destination", "/shared"}, {"source", shared.string()}, {"type", "bind"}, {"options", {"bind"}}});
        socket = sys::open_notify_socket(address).value();
        ::setenv("NOTIFY_SOCKET", address.c_str(), 1);
        manager = std::jthread{[this](const std::stop_token& stop) { listen(stop); }};
    }

    void TearDown() override
    {
        ::unsetenv("NOTIFY_SOCKET");
        ContainerTest::TearDown();
    }

    void listen(const std::stop_token& stop)
    {
        struct pollfd comes {
            socket.get(), POLLIN, 0
        };
        while (!stop.stop_requested())
            if (::poll(&comes, 1, 10) > 0)
                if (auto text = sys::receive_notification(socket.get()); text.ok() && text.value())
                    heard.with([&](auto& all) { all.push_back(*text.value()); });
    }

    /// All that the manager heard, once it heard all that was said.
    std::vector<std::string> told()
    {
        sys::await_manager(address, base::Deadline::after(std::chrono::seconds{60}));
        auto all = heard.with([](auto& heard_now) { return heard_now; });
        std::erase(all, "BARRIER=1");
        return all;
    }

    void program(const std::string& script) { shell("ln -s $NOTIFY_SOCKET /dev/log\n" + script); }

    fs::path shared = directory / "shared";
    std::string address = (directory / "manager").string();
    sys::UniqueFd socket;
    base::Guarded<std::vector<std::string>> heard;
    std::jthread manager;
};

using Told = std::vector<std::string>;

TEST_F(ReadinessOf, is_told_and_nothing_else_that_a_container_says)
{
    std::string script = "echo $NOTIFY_SOCKET; grep -c " + address + " /proc/self/mountinfo\n" + say("MAINPID=1") +
                         say("NOTREADY=1") + say("READY=1\\nSTATUS=mine") + say("READY=1");
    for (int i = 0; i < 40; ++i) // More than the kernel keeps for whom who does not read.
        script += say("WATCHDOG=1");
    program(script);
    auto const finished = run();
    EXPECT_EQ(finished.out, address + "/notify\n1\n") << finished.err;
    EXPECT_EQ(finished.status.as_exit_code(), 0);
    EXPECT_EQ(told(), Told{"READY=1\n"});
    expect_nothing_left();
}

TEST_F(ReadinessOf, is_awaited_when_nobody_stays)
{
    program("sleep 0.3; touch /shared/begun\n" + say("READY=1") + "sleep 100");
    ASSERT_EQ(run({"--detach"}).status.as_exit_code(), 0);
    EXPECT_TRUE(fs::exists(shared / "begun"));
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    EXPECT_EQ(told(), Told{"READY=1\nMAINPID=" + std::to_string(pid) + "\n"});
}

TEST_F(ReadinessOf, is_awaited_by_start_and_not_by_create)
{
    program("sleep 0.3; touch /shared/begun\n" + say("READY=1") + "sleep 100");
    ASSERT_EQ(create(), 0);
    EXPECT_EQ(status(), "created");
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    EXPECT_TRUE(fs::exists(shared / "begun"));
    EXPECT_EQ(told().size(), 1u);
}

TEST_F(ReadinessOf, is_not_awaited_of_one_that_has_ended)
{
    program(say("STATUS=not yet"));
    EXPECT_EQ(run({"--detach"}).status.as_exit_code(), 0);
    EXPECT_EQ(told(), Told{});
}

TEST_F(ReadinessOf, can_be_told_by_any_user_and_from_a_user_namespace)
{
    config["process"]["user"] = {{"uid", 1234}, {"gid", 1234}};
    for (auto& mount : config["mounts"])
        if (mount["destination"] == "/dev")
            mount["options"] = {"nosuid", "mode=1777"}; // There the program makes its link.
    program("id -u\n" + say("READY=1"));
    EXPECT_EQ(run().out, "1234\n");
    EXPECT_EQ(told(), Told{"READY=1\n"});

    config["linux"]["namespaces"].push_back({{"type", "user"}});
    config["linux"]["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}});
    config["linux"]["gidMappings"] = config["linux"]["uidMappings"];
    for (auto const& place : {fs::path{"proc"}, fs::path{"dev"}, fs::path{"sys"}, fs::path{"shared"}, fs::path{address}})
        fs::create_directories(rootfs / place.relative_path()); // Its root can't make anything in a rootfs of the host's root.
    auto const finished = run();
    EXPECT_EQ(finished.out, "1234\n") << finished.err;
    EXPECT_EQ(told(), (Told{"READY=1\n", "READY=1\n"}));
}

TEST_F(ReadinessOf, is_nobody_s_where_no_manager_asks)
{
    ::unsetenv("NOTIFY_SOCKET");
    shell("env | grep NOTIFY; grep -c notify /proc/self/mountinfo");
    EXPECT_EQ(run().out, "0\n");
}

TEST_F(ReadinessOf, leaves_nothing_where_its_place_cannot_be_made)
{
    ::setenv("NOTIFY_SOCKET", "/proc/none/manager", 1);
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("mount /proc/none/manager from "), std::string::npos) << finished.err;
    expect_nothing_left();
}

/// A name without a directory.
TEST_F(ReadinessOf, is_told_to_a_manager_without_a_file)
{
    ::setenv("NOTIFY_SOCKET", "@nobody-listens-here", 1);
    program("echo $NOTIFY_SOCKET\n" + say("READY=1"));
    EXPECT_EQ(run().out, "/run/notify/notify\n");
    auto const detached = run({"--detach"});
    EXPECT_EQ(detached.status.as_exit_code(), 1);
    EXPECT_NE(detached.err.find("connect to the service manager at @nobody-listens-here: Connection refused"), std::string::npos)
        << detached.err;
}

} // namespace
} // namespace nova::runtime
