// What else exec gives its process, and where it takes its place.
#include <sched.h>

#include "runtime/container_fixture.h"
#include "sys/cgroup.h"
#include "sys/unix_socket.h"

namespace nova::runtime {
namespace {

class ExecOf : public ContainerTest {
protected:
    void start()
    {
        config["process"]["args"] = {"sleep", "1000"};
        ASSERT_EQ(create(), 0);
        ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    }

    void expect_exec_error(std::vector<std::string> options, const std::string& text)
    {
        options.insert(options.begin(), "exec");
        options.insert(options.end(), {id, "true"});
        auto const finished = nb(options);
        EXPECT_NE(finished.status.as_exit_code(), 0);
        EXPECT_NE(finished.err.find(text), std::string::npos) << finished.err;
    }

    std::string cgroups_of_exec(std::vector<std::string> options)
    {
        options.insert(options.begin(), "exec");
        options.insert(options.end(), {id, "cat", "/proc/self/cgroup"});
        auto const finished = nb(options);
        EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
        return finished.out;
    }
};

TEST_F(ExecOf, takes_its_place_in_the_cgroup_that_is_named_for_each_controller)
{
    if (sys::cgroup_layout() != sys::CgroupLayout::legacy)
        GTEST_SKIP() << "controllers have hierarchies on version 1 only";
    std::erase_if(config["linux"]["namespaces"].get_ref<json::array_t&>(),
                  [](const auto& entry) { return entry["type"] == "cgroup"; });
    start();
    fs::create_directories("/sys/fs/cgroup/memory/" + id + "/inner");
    fs::create_directories("/sys/fs/cgroup/pids/" + id + "/inner/deep");
    auto const plain = cgroups_of_exec({"--cgroup", "inner"});
    EXPECT_NE(plain.find(":memory:/" + id + "/inner\n"), std::string::npos) << plain;
    EXPECT_NE(plain.find(":pids:/" + id + "/inner\n"), std::string::npos) << plain;
    EXPECT_NE(plain.find(":freezer:/" + id + "\n"), std::string::npos) << "it is not there: " << plain;
    auto const each = cgroups_of_exec({"--cgroup", "pids:inner/deep", "--cgroup", "memory,freezer:/"});
    EXPECT_NE(each.find(":memory:/" + id + "\n"), std::string::npos) << each;
    EXPECT_NE(each.find(":pids:/" + id + "/inner/deep\n"), std::string::npos) << each;
    EXPECT_NE(each.find(":freezer:/" + id + "\n"), std::string::npos) << each;
    expect_exec_error({"--cgroup", "nosuch"}, "adding pid to nosuch below the container's cgroup: No such file or directory");
    expect_exec_error({"--cgroup", "freezer:inner"}, "adding pid to inner below the container's cgroup");
    expect_exec_error({"--cgroup", "whaaat:/"}, "unknown controller whaaat");
    expect_exec_error({"--cgroup", "memory:inner/../.."}, "bad sub cgroup path \"memory:inner/../..\"");
}

TEST_F(ExecOf, hands_its_process_out_by_a_socket)
{
    start();
    auto const path = (directory / "pidfd.sock").string();
    auto const listener = sys::listen_unix(path, sys::SocketKind::stream).value();
    ASSERT_EQ(nb({"exec", "--detach", "--pidfd-socket", path, "--pid-file", (directory / "pid").string(), id, "sleep", "1000"})
                  .status.as_exit_code(),
              0);
    auto const connection = sys::accept_unix(listener.get()).value();
    auto const message = sys::receive_message(connection->get(), 100).value();
    ASSERT_TRUE(message && message->fds.size() == 1);
    EXPECT_EQ(std::to_string(sys::pid_of(message->fds[0].get()).value()), sys::read_file(directory / "pid").value());
    EXPECT_TRUE(sys::signal_pidfd(message->fds[0].get(), SIGKILL).ok());
    expect_exec_error({"--pidfd-socket", (directory / "nosuch").string()}, "--pidfd-socket");
}

TEST_F(ExecOf, has_the_personality_and_memory_policy_of_the_container)
{
    config["linux"]["personality"] = {{"domain", "LINUX32"}};
    config["linux"]["memoryPolicy"] = {{"mode", "MPOL_INTERLEAVE"}, {"nodes", "0"}};
    start();
    auto const machine = nb({"exec", id, "busybox", "uname", "-m"});
    EXPECT_EQ(machine.out, "i686\n") << machine.err;
    auto const policy = nb({"exec", id, "head", "-n", "1", "/proc/self/numa_maps"});
    EXPECT_NE(policy.out.find(" interleave:0 "), std::string::npos) << policy.out << policy.err;
}

TEST_F(ExecOf, has_all_cpus_whatever_its_caller_has)
{
    cpu_set_t before;
    ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
    if (CPU_COUNT(&before) < 2)
        GTEST_SKIP() << "one CPU";
    auto const count = "grep -c . /dev/null; busybox nproc";
    shell(count);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int i = 0; CPU_COUNT(&one) == 0; ++i)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    auto const ran = run().out;
    start();
    auto const executed = nb({"exec", id, "sh", "-c", count}).out;
    ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
    auto const all = "0\n" + std::to_string(CPU_COUNT(&before)) + "\n";
    EXPECT_EQ(ran, all);
    EXPECT_EQ(executed, all);
}

class Created : public ContainerTest {};

TEST_F(Created, is_ended_by_signals_that_end_a_process)
{
    for (const char* const signal : {"TERM", "INT", "HUP"}) {
        config["process"]["args"] = {"sleep", "1000"};
        ASSERT_EQ(create(), 0);
        EXPECT_EQ(nb({"kill", id, signal}).status.as_exit_code(), 0);
        EXPECT_TRUE(wait_for("stopped")) << signal;
        EXPECT_EQ(nb({"delete", id}).status.as_exit_code(), 0);
    }
    shell("kill -USR1 $$; echo alive; trap 'echo trapped' TERM; kill -TERM $$"); // The init of a namespace: spared without a
                                                                                 // handler.
    EXPECT_EQ(run().out, "alive\ntrapped\n") << "what waited has left nothing behind";
}

class Told : public ContainerTest {};

TEST_F(Told, which_capability_cannot_be_granted)
{
    auto const status = sys::read_file("/proc/self/status").value();
    auto const held = std::stoull(status.substr(status.find("CapEff:") + 7), nullptr, 16);
    if ((held >> 24 & 1) != 0)
        GTEST_SKIP() << "we have CAP_SYS_RESOURCE";
    config["process"]["capabilities"]["bounding"].push_back("CAP_SYS_RESOURCE");
    config["process"]["capabilities"]["permitted"].push_back("CAP_SYS_RESOURCE");
    shell("echo ran");
    write_config();
    auto const log = (directory / "log").string();
    auto const finished = nb({"--log", log, "run", "--bundle", bundle.string(), id});
    EXPECT_EQ(finished.out, "ran\n") << finished.err;
    auto const text = sys::read_file(log).value();
    auto const words = std::string{"level=warning msg=\"process.capabilities: CAP_SYS_RESOURCE cannot be granted"};
    EXPECT_NE(text.find(words), std::string::npos) << text;
    EXPECT_EQ(text.find(words), text.rfind(words)) << "once";
    config["linux"]["namespaces"].push_back({{"type", "user"}});
    EXPECT_EQ(run().err.find("cannot be granted"), std::string::npos) << "its own user namespace has all";
}

TEST_F(Told, that_an_id_begins_with_a_dot)
{
    write_config();
    for (const char* const wrong : {".", "..", ".foo", "a/b", "a b", ".seccomp"}) {
        auto const finished = nb({"run", "--bundle", bundle.string(), wrong});
        EXPECT_EQ(finished.status.as_exit_code(), 1) << wrong;
        EXPECT_NE(finished.err.find("invalid container ID"), std::string::npos) << finished.err;
    }
}

class Masked : public ContainerTest {};

TEST_F(Masked, once_where_a_path_is_named_twice)
{
    fs::create_directories(rootfs / "hidden");
    config["linux"]["maskedPaths"] = {"/hidden", "/hidden", "/hidden/"};
    shell("grep -c ' /hidden ' /proc/self/mounts");
    EXPECT_EQ(run().out, "1\n");
}

} // namespace
} // namespace nova::runtime
