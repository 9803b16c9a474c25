// The six kinds of hooks: when they run, where, what they are told, and what happens when one fails or takes too long.
#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

class HooksOf : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        fs::create_directories(shared);
        config["mounts"].push_back(
            {{"destination", "/shared"}, {"source", shared.string()}, {"type", "bind"}, {"options", {"bind"}}});
        config["annotations"] = {{"color", "blue"}};
        config["root"]["readonly"] = false;
    }

    /// A hook that runs a script of the host's shell; of the container's for startContainer.
    static json hook(const std::string& script) { return {{"path", "/bin/sh"}, {"args", {"sh", "-c", script}}}; }

    void add(const char* kind, json hook) { config["hooks"][kind].push_back(std::move(hook)); }

    std::string noted(const std::string& name) const
    {
        auto const text = sys::read_file(shared / name);
        return text.ok() ? text.value() : "";
    }

    fs::path shared = directory / "shared";
};

constexpr std::array outside{"prestart", "createRuntime", "createContainer", "poststart", "poststop"};

TEST_F(HooksOf, are_told_the_state_of_the_container)
{
    for (const char* const kind : outside)
        add(kind, hook("cat > " + (shared / kind).string()));
    add("startContainer", hook("cat > /shared/startContainer"));
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    ASSERT_EQ(nb({"delete", "--force", id}).status.as_exit_code(), 0);
    std::vector<std::pair<const char*, const char*>> const kinds{{"prestart", "creating"},        {"createRuntime", "creating"},
                                                                 {"createContainer", "creating"}, {"startContainer", "created"},
                                                                 {"poststart", "running"},        {"poststop", "stopped"}};
    for (const auto& [kind, status] : kinds) {
        auto const text = noted(kind);
        ASSERT_FALSE(text.empty()) << kind;
        auto const told = json::parse(text);
        EXPECT_EQ(told["id"], id) << kind;
        EXPECT_EQ(told["status"], status) << kind;
        EXPECT_EQ(told["bundle"], bundle.string()) << kind;
        EXPECT_EQ(told["annotations"]["color"], "blue") << kind;
        // Each by the number of the namespace that it runs in.
        bool const inside = std::string_view{kind}.ends_with("Container");
        EXPECT_EQ(told["pid"], std::string_view{kind} == "poststop" ? 0 : inside ? 1 : pid) << kind;
    }
}

TEST_F(HooksOf, run_in_the_namespaces_of_their_kind)
{
    add("createRuntime", hook("readlink /proc/self/ns/mnt > " + (shared / "runtime").string()));
    add("createContainer", hook("readlink /proc/self/ns/mnt > " + (shared / "container").string() + "; ls -d " + rootfs.string() +
                                "/proc/self >> " + (shared / "container").string()));
    add("startContainer", hook("readlink /proc/self/ns/mnt > /shared/start; ls / >> /shared/start"));
    shell("readlink /proc/self/ns/mnt");
    auto const inside = run().out;
    EXPECT_EQ(noted("runtime"), fs::read_symlink("/proc/self/ns/mnt").string() + "\n");
    EXPECT_EQ(noted("container"), inside + rootfs.string() + "/proc/self\n")
        << "the mounts are made, the root is still the host's";
    EXPECT_TRUE(noted("start").starts_with(inside + "bin\n")) << noted("start");
}

TEST_F(HooksOf, get_their_arguments_and_environment_and_nothing_else)
{
    auto plain =
        hook("echo $0 $1 $A; env >> " + (shared / "env").string() + "; ls /proc/self/fd >> " + (shared / "fds").string());
    plain["args"] = {"sh", "-c",
                     "echo $0 $1 $A > " + (shared / "args").string() + "; ls -1 /proc/self/fd > " + (shared / "fds").string(),
                     "zero", "one"};
    plain["env"] = {"A=b", "PATH=/bin:/usr/bin"};
    add("createRuntime", plain);
    EXPECT_EQ(run().status.as_exit_code(), 0);
    EXPECT_EQ(noted("args"), "zero one b\n");
    EXPECT_EQ(noted("fds"), "0\n1\n2\n3\n"); // 3 is that of ls.
}

TEST_F(HooksOf, end_the_start_when_one_fails_and_the_poststop_hooks_run)
{
    for (const char* const kind : {"prestart", "createRuntime", "createContainer", "startContainer", "poststart"}) {
        config["hooks"] = json::object();
        add(kind, hook("echo the reason >&2; exit 3"));
        add("poststop", hook("echo " + std::string{kind} + " >> " + (shared / "stopped").string()));
        config["process"]["args"] = {"sleep", "100"};
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 1) << kind;
        EXPECT_NE(finished.err.find(kind + std::string{" hook #0: /bin/sh: sh: exit code 3: the reason"}), std::string::npos)
            << finished.err;
        expect_nothing_left();
    }
    EXPECT_EQ(noted("stopped"), "prestart\ncreateRuntime\ncreateContainer\nstartContainer\npoststart\n");
}

TEST_F(HooksOf, destroy_a_created_container_when_one_of_its_start_fails)
{
    for (const char* const kind : {"startContainer", "poststart"}) {
        config["hooks"] = json::object();
        add(kind, hook("exit 3"));
        add("poststop", hook("echo " + std::string{kind} + " >> " + (shared / "stopped").string()));
        config["process"]["args"] = {"sleep", "100"};
        ASSERT_EQ(create(), 0);
        EXPECT_EQ(nb({"start", id}).status.as_exit_code(), 1) << kind;
        expect_nothing_left();
    }
    EXPECT_EQ(noted("stopped"), "startContainer\npoststart\n");
}

TEST_F(HooksOf, are_killed_when_their_time_is_over)
{
    for (const char* const kind : {"prestart", "createRuntime", "createContainer", "startContainer", "poststart"}) {
        config["hooks"] = json::object();
        auto slow = hook("exec sleep 60");
        slow["timeout"] = 1;
        add(kind, slow);
        config["process"]["args"] = {"sleep", "100"};
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 1) << kind;
        EXPECT_NE(finished.err.find(kind + std::string{" hook #0: /bin/sh: sh: took too long and was killed"}), std::string::npos)
            << finished.err;
        expect_nothing_left();
    }
}

TEST_F(HooksOf, of_the_end_all_run_though_one_fails)
{
    auto slow = hook("exec sleep 60");
    slow["timeout"] = 1;
    add("poststop", hook("exit 1"));
    add("poststop", slow);
    add("poststop", hook("echo reached > " + (shared / "last").string()));
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 0);
    EXPECT_NE(finished.err.find("warning: poststop hook failed with exit code 1: /bin/sh"), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("warning: poststop hook failed: /bin/sh: sh: took too long"), std::string::npos) << finished.err;
    EXPECT_EQ(noted("last"), "reached\n");
    expect_nothing_left();
}

TEST_F(HooksOf, of_the_start_may_do_no_more_than_the_program)
{
    fs::permissions(shared, fs::perms::all);
    config["process"]["user"] = {{"uid", 1234}, {"gid", 1234}};
    config["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                  {"syscalls", json::array({{{"names", {"mkdir", "mkdirat"}}, {"action", "SCMP_ACT_ERRNO"}}})}};
    add("startContainer", hook("id -u > /shared/user; mkdir /shared/made; grep CapEff /proc/self/status > /shared/rights"));
    for (bool const privileged : {false, true}) { // The filter is loaded at two places.
        config["process"]["noNewPrivileges"] = !privileged;
        EXPECT_EQ(run().err, "");
        EXPECT_EQ(noted("user"), "1234\n");
        EXPECT_EQ(noted("rights"), "CapEff:\t0000000000000000\n");
        EXPECT_FALSE(fs::exists(shared / "made"));
    }
}

TEST_F(HooksOf, of_the_start_run_under_a_filter_that_is_older_than_we)
{
    config["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                  {"syscalls", json::array({{{"names", {"close_range", "clone3", "openat2", "pidfd_open"}},
                                                             {"action", "SCMP_ACT_ERRNO"}}})}};
    add("startContainer", hook("echo ran > /shared/hook; ls /proc/self/fd > /shared/fds"));
    EXPECT_EQ(run().err, "");
    EXPECT_EQ(noted("hook"), "ran\n");
    EXPECT_EQ(noted("fds"), "0\n1\n2\n3\n") << "3 is the directory that ls reads";
}

TEST_F(HooksOf, that_are_not_there_are_named)
{
    add("createRuntime", {{"path", "/nosuch/hook"}});
    auto const finished = run();
    EXPECT_NE(finished.err.find("createRuntime hook #0: /nosuch/hook: "), std::string::npos) << finished.err;
    expect_nothing_left();
}

} // namespace
} // namespace nova::runtime
