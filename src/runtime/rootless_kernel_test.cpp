// Containers of a user without any privilege: a real one, with a number that nobody has.
#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

constexpr auto user = "4321";

class RootlessTest : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        if (IsSkipped())
            return;
        fs::copy_file(program(), own_program);
        fs::create_directories(run_time);
        give_away();
        fs::remove(bundle / "config.json");
        EXPECT_TRUE(as_user({"spec", "--rootless", "--bundle", bundle.string()}).status.success());
        config = json::parse(std::ifstream{bundle / "config.json"});
        config["process"]["terminal"] = false;
        config["process"]["args"] = {"/bin/true"};
    }

    void TearDown() override
    {
        if (fs::exists(own_program))
            (void)as_user({"delete", "--force", id});
        ContainerTest::TearDown();
    }

    void give_away() const
    {
        sys::RunSpec run;
        run.child.program = sys::find_program("chown").value();
        run.child.argv = {"chown", "-R", std::string{user} + ":" + user, directory.string()};
        EXPECT_TRUE(sys::run_child_that_succeeds(run).ok());
    }

    /// nb as that user. `before`: what a shell of root's does first, in a mount namespace of its own. `through`: a program that
    /// calls nb.
    sys::Finished as_user(const std::vector<std::string>& words, const std::string& before = "true",
                          const std::vector<std::string>& through = {}) const
    {
        sys::RunSpec run;
        run.child.program = sys::find_program("unshare").value();
        run.child.argv = {"unshare",
                          "--mount",
                          "--propagation",
                          "private",
                          "sh",
                          "-ec",
                          before + "; exec \"$@\"",
                          "sh",
                          "setpriv",
                          "--reuid",
                          user,
                          "--regid",
                          user,
                          "--clear-groups",
                          "env",
                          "XDG_RUNTIME_DIR=" + run_time.string()};
        run.child.argv.insert(run.child.argv.end(), through.begin(), through.end());
        run.child.argv.push_back(own_program.string());
        run.child.argv.insert(run.child.argv.end(), words.begin(), words.end());
        return sys::run_child(run).value();
    }

    sys::Finished run_as_user(const std::vector<std::string>& options = {}, const std::string& before = "true")
    {
        write_config();
        auto words = options;
        words.insert(words.end(), {"run", "--bundle", bundle.string(), id});
        return as_user(words, before);
    }

    void map_many_ids(unsigned first)
    {
        auto const own = std::stoul(user);
        for (const char* const map : {"uidMappings", "gidMappings"})
            config["linux"][map] = {{{"containerID", 0}, {"hostID", own}, {"size", 1}},
                                    {{"containerID", 1}, {"hostID", first}, {"size", 1000}}};
    }

    /// Ranges of ids for this test alone, as an administrator would write them into /etc.
    std::string with_ranges() const
    {
        std::ofstream{directory / "ranges"} << user << ":700000:1000\n";
        std::ofstream{directory / "passwd"} << "root:x:0:0::/:/bin/sh\nsomebody:x:" << user << ":" << user << "::/:/bin/sh\n";
        auto const file = (directory / "ranges").string();
        auto const passwd = (directory / "passwd").string();
        return "touch /etc/subuid /etc/subgid; mount --bind " + file + " /etc/subuid; mount --bind " + file +
               " /etc/subgid; mount --bind " + passwd + " /etc/passwd";
    }

    fs::path own_program = directory / "nb";
    fs::path run_time = directory / "run";
};

TEST_F(RootlessTest, runs_the_example_as_root_of_its_own_user_namespace)
{
    shell("id -u; cat /proc/self/uid_map; echo x >/dev/null; stat -c %t:%T /dev/null; head -c 3 /dev/zero >/dev/null");
    auto const finished = run_as_user();
    EXPECT_TRUE(finished.status.success()) << finished.err;
    EXPECT_EQ(finished.out.substr(0, 2), "0\n");
    EXPECT_NE(finished.out.find("      4321          1\n1:3\n"), std::string::npos) << finished.out;
}

TEST_F(RootlessTest, keeps_its_records_where_the_user_s_run_time_files_are)
{
    shell("sleep 1000");
    write_config();
    auto const started = as_user({"run", "--detach", "--bundle", bundle.string(), id});
    ASSERT_TRUE(started.status.success()) << started.err;
    EXPECT_TRUE(fs::exists(run_time / "nb" / id / "state.json"));
    EXPECT_EQ(as_user({"exec", id, "id", "-u"}).out, "0\n");
    EXPECT_EQ(json::parse(as_user({"state", id}).out)["status"], "running");
    EXPECT_TRUE(as_user({"kill", id, "KILL"}).status.success());
    EXPECT_TRUE(as_user({"delete", "--force", id}).status.success());
    EXPECT_FALSE(fs::exists(run_time / "nb" / id));
}

TEST_F(RootlessTest, is_served_as_root_of_a_user_namespace_that_somebody_else_made)
{
    shell("sleep 1000");
    auto& platform = config["linux"];
    std::erase_if(platform["namespaces"].get_ref<json::array_t&>(), [](const json& entry) { return entry["type"] == "user"; });
    platform["namespaces"].push_back({{"type", "network"}});
    platform.erase("uidMappings");
    platform.erase("gidMappings");
    write_config();
    std::vector<std::string> const podman{"env", "-u", "USER", "unshare", "--user", "--map-root-user", "--mount"};
    auto const started = as_user({"create", "--bundle", bundle.string(), id}, "true", podman);
    ASSERT_TRUE(started.status.success()) << started.err;
    EXPECT_TRUE(fs::exists(run_time / "nb" / id / "state.json")) << "and not in /run/nb, which is root's";
}

TEST_F(RootlessTest, lists_processes_without_a_cgroup_but_counts_nothing)
{
    shell("sleep 1000");
    write_config();
    ASSERT_TRUE(as_user({"run", "--detach", "--bundle", bundle.string(), id}).status.success());
    auto const pid = json::parse(as_user({"state", id}).out)["pid"].get<int>();
    EXPECT_EQ(as_user({"ps", "--format", "json", id}).out, "[" + std::to_string(pid) + "]\n");
    auto const counted = as_user({"events", "--stats", id});
    EXPECT_EQ(counted.status.as_exit_code(), 1);
    EXPECT_EQ(counted.out, "") << "not the host's numbers";
    EXPECT_NE(counted.err.find("has no cgroup of its own"), std::string::npos) << counted.err;
}

TEST_F(RootlessTest, binds_device_nodes_since_it_may_make_none)
{
    shell("cat /proc/self/mountinfo");
    auto const mounts = run_as_user().out;
    for (const char* const device :
         {" /dev/null ", " /dev/zero ", " /dev/full ", " /dev/random ", " /dev/urandom ", " /dev/tty "})
        EXPECT_NE(mounts.find(device), std::string::npos) << device;
}

TEST_F(RootlessTest, leaves_the_group_of_terminals_out_where_it_is_none_of_the_namespace)
{
    EXPECT_EQ(config.dump().find("gid=5"), std::string::npos) << "the example asks for none";
    for (auto& mount : config["mounts"])
        if (mount["type"] == "devpts")
            mount["options"].push_back("gid=5");
    shell("grep ' /dev/pts ' /proc/self/mountinfo");
    auto const finished = run_as_user();
    EXPECT_TRUE(finished.status.success()) << finished.err;
    EXPECT_EQ(finished.out.find("gid="), std::string::npos) << finished.out;
}

TEST_F(RootlessTest, shows_the_host_s_sysfs_read_only_where_it_gets_none_of_its_own)
{
    auto& namespaces = config["linux"]["namespaces"];
    for (auto entry = namespaces.begin(); entry != namespaces.end(); ++entry)
        if ((*entry)["type"] == "network") {
            namespaces.erase(entry);
            break;
        }
    shell("ls /sys/kernel >/dev/null && grep ' /sys ' /proc/self/mountinfo && ! touch /sys/kernel/uevent_helper");
    auto const finished = run_as_user();
    EXPECT_TRUE(finished.status.success()) << finished.err;
    EXPECT_NE(finished.out.find(" /sys ro,"), std::string::npos) << finished.out;
}

TEST_F(RootlessTest, maps_more_ids_with_the_help_of_newuidmap)
{
    if (!fs::exists("/usr/bin/newuidmap"))
        GTEST_SKIP() << "needs uidmap";
    map_many_ids(700000);
    shell("touch /tmp/file && chroot / true && id -u; cat /proc/self/uid_map");
    config["root"]["readonly"] = false;
    auto const finished = run_as_user({}, with_ranges());
    EXPECT_TRUE(finished.status.success()) << finished.err;
    EXPECT_NE(finished.out.find(" 1     700000       1000\n"), std::string::npos) << finished.out;
}

TEST_F(RootlessTest, says_what_is_missing_where_ids_are_not_the_user_s)
{
    if (!fs::exists("/usr/bin/newuidmap"))
        GTEST_SKIP() << "needs uidmap";
    map_many_ids(800000);
    auto const finished = run_as_user({}, with_ranges());
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("more ids than our own take package uidmap and a range in /etc/subgid: newgidmap"),
              std::string::npos)
        << finished.err;
    EXPECT_FALSE(fs::exists(run_time / "nb" / id));
}

TEST_F(RootlessTest, goes_without_a_cgroup_only_where_nothing_is_limited)
{
    auto const plain = run_as_user();
    EXPECT_TRUE(plain.status.success()) << plain.err;
    EXPECT_EQ(plain.err, "") << "nothing that was asked for is missing; engines would take it for why a program failed";
    auto const log = (fs::path{run_time} / "log").string();
    EXPECT_TRUE(run_as_user({"--log", log}).status.success());
    auto const told = sys::read_file(log).value();
    EXPECT_NE(told.find("level=warning msg=\"the container has no cgroup of its own"), std::string::npos) << told;
    config["linux"]["resources"]["pids"] = {{"limit", 5}};
    auto const limited = run_as_user();
    EXPECT_EQ(limited.status.as_exit_code(), 1);
    EXPECT_NE(limited.err.find("linux.resources: there is no cgroup that we may use"), std::string::npos) << limited.err;
    EXPECT_NE(limited.err.find("systemd-run --user --scope -p Delegate=yes"), std::string::npos) << limited.err;
    config["linux"]["resources"].erase("pids");
    auto const silent = run_as_user({"--cgroup-manager", "disabled"});
    EXPECT_TRUE(silent.status.success()) << silent.err;
    EXPECT_EQ(silent.err, "");
}

TEST_F(RootlessTest, takes_the_caller_s_word_for_what_he_is)
{
    auto const strict = run_as_user({"--rootless", "false"});
    EXPECT_EQ(strict.status.as_exit_code(), 1);
    EXPECT_NE(strict.err.find("make cgroup"), std::string::npos) << strict.err;
    EXPECT_TRUE(run_as_user({"--rootless", "true"}).status.success());
    auto const wrong = run_as_user({"--rootless", "perhaps"});
    EXPECT_NE(wrong.err.find("--rootless: must be true, false or auto, is \"perhaps\""), std::string::npos) << wrong.err;
}

TEST_F(ContainerTest, says_what_to_do_where_systemd_is_wished_for_and_not_there)
{
    if (fs::exists("/run/systemd/private") || fs::exists("/run/dbus/system_bus_socket"))
        GTEST_SKIP() << "systemd is here";
    config["linux"]["cgroupsPath"] = "system.slice:nb:" + id;
    write_config();
    auto const finished = nb({"--systemd-cgroup", "run", "--bundle", bundle.string(), id});
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("no systemd answers (connect to "), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("use --cgroup-manager cgroupfs where there is none"), std::string::npos) << finished.err;
    expect_nothing_left();
}

} // namespace
} // namespace nova::runtime
