// What callers of other runtimes count on, beyond the specification.
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include "runtime/container_fixture.h"
#include "sys/cgroup.h"

namespace nova::runtime {
namespace {

class DropIn : public ContainerTest {
protected:
    /// In a user namespace whose root may write nothing of the rootfs.
    void use_user_namespace()
    {
        config["linux"]["namespaces"].push_back({{"type", "user"}});
        config["linux"]["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}});
        config["linux"]["gidMappings"] = config["linux"]["uidMappings"];
        for (const char* const name : {"proc", "dev", "sys"})
            fs::create_directories(rootfs / name);
    }

    void without_namespace(const std::string& type)
    {
        auto& list = config["linux"]["namespaces"];
        std::erase_if(list.get_ref<json::array_t&>(), [&](const auto& entry) { return entry["type"] == type; });
    }

    void expect_refusal(const std::string& text)
    {
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 1);
        EXPECT_NE(finished.err.find(text), std::string::npos) << finished.err;
    }
};

TEST_F(DropIn, writes_the_example_that_others_write)
{
    fs::remove(bundle / "config.json");
    ASSERT_EQ(nb({"spec", "--bundle", bundle.string()}).status.as_exit_code(), 0);
    auto const text = sys::read_file(bundle / "config.json").value();
    EXPECT_NE(text.find("\n\t\"process\": {\n\t\t\"terminal\": true,\n"), std::string::npos) << text;
    auto const spec = json::parse(text);
    EXPECT_EQ(spec["ociVersion"], "1.3.0");
    for (const char* const set : {"bounding", "effective", "permitted"})
        EXPECT_EQ(spec["process"]["capabilities"][set], json({"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"})) << set;
    EXPECT_FALSE(spec["process"]["capabilities"].contains("inheritable"));
    EXPECT_EQ(spec["process"]["rlimits"][0], json({{"type", "RLIMIT_NOFILE"}, {"hard", 1024}, {"soft", 1024}}));
    EXPECT_EQ(spec["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ERRNO");
    EXPECT_EQ(spec["linux"]["namespaces"].size(), 6U) << "pid network ipc uts mount cgroup";
    EXPECT_EQ(spec["linux"]["resources"]["devices"][0], json({{"allow", false}, {"access", "rwm"}}));

    ASSERT_EQ(nb({"spec", "--bundle", directory.string(), "--rootless"}).status.as_exit_code(), 0);
    auto const rootless = json::parse(std::ifstream{directory / "config.json"});
    EXPECT_EQ(rootless["linux"]["uidMappings"][0], json({{"containerID", 0}, {"hostID", 0}, {"size", 1}}));
    EXPECT_FALSE(rootless["linux"].contains("resources"));
    for (const auto& entry : rootless["linux"]["namespaces"])
        EXPECT_NE(entry["type"], "network");
    for (const auto& mount : rootless["mounts"])
        for (const auto& option : mount["options"])
            EXPECT_NE(option, "gid=5");
}

TEST_F(DropIn, limits_a_container_of_no_processes_to_one_unless_its_configuration_is_older_than_that)
{
    config["linux"]["resources"]["pids"] = {{"limit", 0}};
    auto const limit_with = [&](const char* version) {
        config["ociVersion"] = version;
        config["process"]["args"] = {"cat", "/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"}; // A shell would need two.
        return run().out;
    };
    EXPECT_EQ(limit_with("1.3.0"), "1\n");
    EXPECT_EQ(limit_with("1.12.0-dev"), "1\n");
    EXPECT_EQ(limit_with("1.2.1"), "max\n");
    EXPECT_EQ(limit_with("1.0.2-dev"), "max\n") << "podman 4 asks so for no limit";
}

TEST_F(DropIn, binds_another_root_over_its_own)
{
    auto const other = directory / "other";
    for (const char* const name : {"bin", "proc", "dev", "sys"})
        fs::create_directories(other / name);
    fs::copy(rootfs / "bin", other / "bin", fs::copy_options::copy_symlinks | fs::copy_options::recursive);
    std::ofstream{other / "which"} << "other\n";
    std::ofstream{rootfs / "which"} << "its own\n";
    json const over{{"destination", "/"}, {"type", "bind"}, {"source", other.string()}, {"options", {"rbind", "ro"}}};
    config["mounts"].insert(config["mounts"].begin(), over);
    shell("cat /which; head -c 4 /proc/self/status; echo; touch /x || ls -d /.. /../which; [ -c /dev/null ]; cat /proc/kcore");
    for (bool const own_users : {false, true}) {
        if (own_users)
            config["linux"]["namespaces"].push_back({{"type", "user"}});
        auto const finished = run();
        EXPECT_EQ(finished.out, "other\nName\n/..\n/../which\n") << finished.err;
        EXPECT_NE(finished.err.find("touch: /x: Read-only file system"), std::string::npos) << finished.err;
    }
    EXPECT_FALSE(fs::exists(rootfs / "x"));
    expect_nothing_left();
}

TEST_F(DropIn, tells_its_version_line_by_line)
{
    auto const told = nb({"--version"}).out;
    EXPECT_TRUE(told.starts_with("nb version ")) << told;
    EXPECT_NE(told.find("\nspec: 1.3.0\n+SYSTEMD "), std::string::npos) << told;
}

TEST_F(DropIn, takes_a_configuration_of_another_name)
{
    shell("echo other");
    write_config();
    fs::rename(bundle / "config.json", bundle / "other.json");
    EXPECT_EQ(nb({"run", "--bundle", bundle.string(), "--config", "other.json", id}).out, "other\n");
    fs::rename(bundle / "other.json", directory / "far.json");
    EXPECT_EQ(nb({"run", "--bundle", bundle.string(), "-f", (directory / "far.json").string(), id}).out, "other\n");
}

TEST_F(DropIn, kills_and_deletes_by_a_regular_expression)
{
    config["process"]["args"] = {"sleep", "100"};
    std::vector<std::string> const ids{id + "-one", id + "-two"};
    for (const auto& one : ids) {
        config["linux"]["cgroupsPath"] = "/" + one;
        write_config();
        ASSERT_EQ(nb({"run", "--detach", "--bundle", bundle.string(), one}).status.as_exit_code(), 0);
    }
    EXPECT_EQ(nb({"delete", "--force", "--regex", "tw[o]$"}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"list", "--quiet"}).out, ids[0] + "\n");
    EXPECT_EQ(nb({"kill", "--regex", "^" + id, "KILL"}).status.as_exit_code(), 0);
    EXPECT_TRUE(eventually([&] { return nb({"state", ids[0]}).out.find("stopped") != std::string::npos; }));
    EXPECT_EQ(nb({"delete", "--regex", "("}).status.as_exit_code(), 1);
    EXPECT_EQ(nb({"delete", "--regex", id}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"list", "--quiet"}).out, "");
}

TEST_F(DropIn, says_that_its_log_cannot_be_written)
{
    auto const finished = nb({"--log", (directory / "no/such/log").string(), "list"});
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("nb: --log: "), std::string::npos) << finished.err;
    fs::create_symlink(directory / "real", directory / "link");
    EXPECT_EQ(nb({"--log", (directory / "link").string(), "state", id}).status.as_exit_code(), 1);
    EXPECT_NE(sys::read_file(directory / "real").value().find("does not exist"), std::string::npos);
}

TEST_F(DropIn, refuses_an_exec_with_an_unknown_capability)
{
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    auto const finished = nb({"exec", "--cap", "CAP_NO_SUCH", id, "true"});
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("--cap: unknown capability \"CAP_NO_SUCH\""), std::string::npos) << finished.err;
    EXPECT_EQ(nb({"exec", "--cap", "kill", id, "true"}).status.as_exit_code(), 1) << "names are upper case";
    EXPECT_EQ(nb({"exec", "--cap", "KILL", id, "true"}).status.as_exit_code(), 0);
}

TEST_F(DropIn, binds_a_file_where_a_link_leads_to_nothing)
{
    std::ofstream{directory / "resolv"} << "nameserver\n";
    fs::create_symlink("../run/resolve/stub.conf", rootfs / "etc/resolv.conf"); // As images with systemd have it.
    fs::create_symlink("loop", rootfs / "etc/loop");
    auto const wish = [&](const char* place) {
        return json{{"destination", place}, {"source", (directory / "resolv").string()}, {"type", "bind"}, {"options", {"bind"}}};
    };
    config["mounts"].push_back(wish("/etc/resolv.conf"));
    shell("cat /etc/resolv.conf /run/resolve/stub.conf");
    EXPECT_EQ(run().out, "nameserver\nnameserver\n");
    config["mounts"].back() = wish("/etc/loop");
    EXPECT_EQ(run().status.as_exit_code(), 1);
    fs::create_symlink("../../../../../../" + (directory / "outside").string(), rootfs / "etc/out");
    config["mounts"].back() = wish("/etc/out");
    EXPECT_EQ(run().status.as_exit_code(), 0);
    EXPECT_FALSE(fs::exists(directory / "outside"));
}

TEST_F(DropIn, maps_the_caller_to_root_where_a_user_namespace_has_no_map)
{
    config["linux"]["namespaces"].push_back({{"type", "user"}});
    for (auto& mount : config["mounts"])
        if (mount["destination"] == "/dev/pts")
            mount["options"] = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}; // No group tty there.
    shell("cat /proc/self/uid_map /proc/self/gid_map");
    auto const finished = run();
    EXPECT_EQ(finished.out, "         0          0          1\n         0          0          1\n") << finished.err;
}

TEST_F(DropIn, refuses_a_sysctl_that_is_a_field)
{
    config["linux"]["sysctl"] = {{"kernel.hostname", "x"}};
    expect_refusal("linux.sysctl: kernel.hostname is what the field hostname is for");
    config["linux"]["sysctl"] = {{"kernel.domainname", "x"}};
    EXPECT_EQ(run().status.as_exit_code(), 0);
    config["domainname"] = "y";
    expect_refusal("linux.sysctl: kernel.domainname is what the field domainname is for");
    config["domainname"] = "x";
    EXPECT_EQ(run().status.as_exit_code(), 0);
}

TEST_F(DropIn, passes_socket_activation_on)
{
    shell("echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; [ -e /proc/self/fd/3 ] && echo open");
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_FDNAMES", "web", 1);
    sys::UniqueFd const passed{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    write_config();
    sys::RunSpec call;
    call.child.program = program();
    call.child.argv = {"nb", "--root", state.string(), "run", "--bundle", bundle.string(), id};
    call.child.pass.push_back({passed.get(), 3});
    auto const finished = sys::run_child(call).value();
    ::unsetenv("LISTEN_FDS");
    ::unsetenv("LISTEN_FDNAMES");
    EXPECT_EQ(finished.out, "1 1 web\nopen\n") << finished.err;
}

TEST_F(DropIn, keeps_the_caller_s_groups_where_podman_asks_for_it)
{
    config["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
    shell("grep Groups /proc/self/status");
    gid_t const groups[]{41, 42};
    ASSERT_EQ(::setgroups(2, groups), 0);
    EXPECT_EQ(run().out, "Groups:\t \n");
    config["annotations"] = {{"run.oci.keep_original_groups", "1"}};
    EXPECT_EQ(run().out, "Groups:\t41 42 \n");
    ASSERT_EQ(::setgroups(0, nullptr), 0);
}

TEST_F(DropIn, gives_its_pipes_to_the_container_s_user)
{
    config["process"]["user"] = {{"uid", 1000}, {"gid", 1001}};
    shell("stat -L -c %u:%g /proc/self/fd/1");
    EXPECT_EQ(run().out, "1000:1001\n");
}

TEST_F(DropIn, runs_hooks_without_variables_in_its_own_environment_and_the_last_in_the_program_s)
{
    auto const log = (directory / "hooks").string();
    json hook{{"path", "/bin/sh"}, {"args", {"sh", "-c", "echo $NB_TEST >> " + log}}};
    config["hooks"]["createRuntime"] = json::array({hook});
    hook["env"] = {"NB_TEST=hook"};
    config["hooks"]["createRuntime"].push_back(hook);
    config["hooks"]["startContainer"] =
        json::array({{{"path", "/bin/sh"}, {"args", {"sh", "-c", "echo $NB_TEST > /dev/shm/hook"}}}});
    config["process"]["env"].push_back("NB_TEST=program");
    shell("cat /dev/shm/hook");
    ::setenv("NB_TEST", "caller", 1);
    auto const finished = run();
    ::unsetenv("NB_TEST");
    EXPECT_EQ(finished.out, "program\n") << finished.err;
    EXPECT_EQ(sys::read_file(log).value(), "caller\nhook\n");
}

TEST_F(DropIn, gives_a_tmpfs_the_mode_of_what_it_covers)
{
    fs::create_directories(rootfs / "covered");
    fs::permissions(rootfs / "covered", fs::perms{0712});
    auto const tmpfs = [](const char* place, json options) {
        return json{{"destination", place}, {"source", "tmpfs"}, {"type", "tmpfs"}, {"options", std::move(options)}};
    };
    config["mounts"].push_back(tmpfs("/covered", json::array()));
    config["mounts"].push_back(tmpfs("/fresh", json::array()));
    shell("stat -c %a /covered /fresh");
    EXPECT_EQ(run().out, "712\n1777\n");
    config["mounts"].push_back(tmpfs("/covered", json::array({"mode=700"})));
    EXPECT_EQ(run().out.substr(0, 4), "700\n");
}

TEST_F(DropIn, makes_the_working_directory_before_the_root_is_read_only)
{
    config["process"]["cwd"] = "/made/here";
    shell("echo $PWD; touch /made/x");
    auto const finished = run();
    EXPECT_EQ(finished.out, "/made/here\n") << finished.err;
    EXPECT_NE(finished.err.find("Read-only file system"), std::string::npos) << finished.err;
}

TEST_F(DropIn, binds_devices_that_run_nothing_in_a_user_namespace)
{
    use_user_namespace();
    shell("grep ' /dev/null ' /proc/self/mountinfo");
    auto const finished = run();
    EXPECT_NE(finished.out.find(" rw,nosuid,noexec,"), std::string::npos) << finished.out << finished.err;
}

TEST_F(DropIn, refuses_to_exec_beside_the_container_s_cgroup)
{
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    for (const char* const path : {"..", "a/../..", "/../other"}) {
        auto const finished = nb({"exec", "--cgroup", path, id, "true"});
        EXPECT_EQ(finished.status.as_exit_code(), 1) << path;
        EXPECT_NE(finished.err.find("--cgroup: bad sub cgroup path"), std::string::npos) << finished.err;
    }
}

TEST_F(DropIn, takes_the_last_of_a_repeated_variable_and_no_empty_home)
{
    config["process"]["env"] = {"ONE=1", "HOME=/first", "TWO=2", "ONE=3", "HOME="};
    config["process"]["args"] = {"/bin/env"};
    EXPECT_EQ(run().out, "TWO=2\nONE=3\nHOME=/root\n");
}

TEST_F(DropIn, leaves_ambient_capabilities_out_that_the_kernel_would_refuse)
{
    config["process"]["capabilities"] = {{"bounding", {"CAP_KILL", "CAP_CHOWN", "CAP_FOWNER"}},
                                         {"effective", {"CAP_KILL", "CAP_CHOWN", "CAP_FOWNER"}},
                                         {"permitted", {"CAP_KILL", "CAP_CHOWN", "CAP_FOWNER"}},
                                         {"inheritable", {"CAP_KILL"}},
                                         {"ambient", {"CAP_CHOWN", "CAP_KILL", "CAP_FOWNER"}}};
    shell("grep CapAmb /proc/self/status");
    auto const finished = run();
    EXPECT_EQ(finished.out, "CapAmb:\t0000000000000020\n");
    EXPECT_EQ(finished.err, "nb: warning: process.capabilities.ambient: can't raise what is not inheritable and permitted: "
                            "CAP_CHOWN, CAP_FOWNER\n")
        << "one line for all";
}

TEST_F(DropIn, tells_the_log_alone_where_an_engine_asks_for_ambient_capabilities_and_for_none_inheritable)
{
    config["process"]["capabilities"] = {{"bounding", {"CAP_KILL", "CAP_CHOWN"}},
                                         {"permitted", {"CAP_KILL", "CAP_CHOWN"}},
                                         {"ambient", {"CAP_KILL", "CAP_CHOWN"}}};
    config["process"]["args"] = {"true"};
    EXPECT_EQ(run().err, "") << "podman's build asks for eleven at each step, and shows what stands here";
    auto const log = (directory / "log").string();
    ASSERT_EQ(nb({"--log", log, "run", "--bundle", bundle.string(), id}).status.as_exit_code(), 0);
    auto const text = sys::read_file(log).value();
    EXPECT_NE(text.find("level=warning"), std::string::npos) << text;
    EXPECT_NE(text.find("not inheritable and permitted: CAP_KILL, CAP_CHOWN"), std::string::npos) << text;
}

TEST_F(DropIn, adds_a_capability_of_exec_to_the_ambient_ones_where_it_is_inheritable)
{
    config["process"]["args"] = {"sleep", "100"};
    config["process"]["capabilities"] = {{"bounding", {"CAP_KILL", "CAP_CHOWN"}}, {"inheritable", {"CAP_KILL"}}};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    auto const finished = nb({"exec", "--cap", "CAP_KILL", "--cap", "CAP_CHOWN", id, "grep", "CapAmb", "/proc/self/status"});
    EXPECT_EQ(finished.out, "CapAmb:\t0000000000000020\n") << finished.err;
}

TEST_F(DropIn, holds_no_directory_while_it_waits_for_start)
{
    ASSERT_EQ(create(), 0);
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    for (const auto& entry : fs::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"})
        EXPECT_FALSE(fs::is_directory(entry.path())) << entry.path() << " is " << fs::read_symlink(entry.path());
}

TEST_F(DropIn, writes_its_log_as_readers_of_other_runtimes_expect)
{
    auto const log = (directory / "log").string();
    EXPECT_EQ(nb({"--log", log, "state", "a\"b"}).status.as_exit_code(), 1);
    auto const text = sys::read_file(log).value();
    EXPECT_EQ(text.substr(0, 6), "time=\"");
    EXPECT_NE(text.find("\" level=error msg=\"state: invalid container ID \\\"a\\\"b"), std::string::npos) << text;
}

TEST_F(DropIn, tells_warnings_to_its_log_and_errors_to_both)
{
    config["process"]["capabilities"] = {{"bounding", {"CAP_SYS_NOVA"}}};
    config["process"]["args"] = {"/no/such"};
    EXPECT_NE(run().err.find("nb: warning: process.capabilities: unknown capability \"CAP_SYS_NOVA\""), std::string::npos);
    auto const log = (directory / "log").string();
    auto const finished = nb({"--log", log, "run", "--bundle", bundle.string(), id});
    EXPECT_EQ(finished.err.find("warning"), std::string::npos) << "podman would take it for the reason: " << finished.err;
    EXPECT_NE(finished.err.find("executable file not found"), std::string::npos) << finished.err;
    auto const text = sys::read_file(log).value();
    EXPECT_LT(text.find("CAP_SYS_NOVA"), text.find("level=error")) << text;
}

TEST_F(DropIn, makes_devices_in_a_dev_that_is_read_only_then)
{
    for (auto& mount : config["mounts"])
        if (mount["destination"] == "/dev")
            mount["options"].push_back("ro");
    shell("echo x > /dev/null && echo written; touch /dev/x");
    auto const finished = run();
    EXPECT_EQ(finished.out, "written\n") << finished.err;
    EXPECT_NE(finished.err.find("/dev/x: Read-only file system"), std::string::npos) << finished.err;
}

TEST_F(DropIn, lists_no_process_of_a_stopped_container)
{
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"kill", id, "KILL"}).status.as_exit_code(), 0);
    ASSERT_TRUE(wait_for("stopped"));
    EXPECT_EQ(nb({"ps", "--format", "json", id}).out, "[]\n");
}

TEST_F(DropIn, takes_part_in_all_hierarchies_where_its_cgroup_is_named)
{
    if (sys::cgroup_layout() != sys::CgroupLayout::legacy)
        GTEST_SKIP() << "version 2 has one hierarchy";
    without_namespace("cgroup");
    config["process"]["args"] = {"cat", "/proc/self/cgroup"};
    auto const named = run().out;
    config["linux"].erase("cgroupsPath");
    auto const not_named = run().out;
    for (const std::string controller : {"cpuset", "blkio", "systemd"}) {
        if (!sys::has_hierarchy(controller))
            continue;
        auto const line = controller + ":/" + id + "\n";
        EXPECT_NE(named.find(line), std::string::npos) << "engines' statistics and Java look there: " << named;
        EXPECT_EQ(not_named.find(line), std::string::npos) << "nobody asked for it: " << not_named;
    }
}

TEST_F(DropIn, mounts_the_host_s_systemd_hierarchy_into_the_container_s_cgroups)
{
    if (!sys::has_hierarchy("systemd"))
        GTEST_SKIP() << "this host has none";
    without_namespace("cgroup"); // As podman starts it where version 1 is.
    config["mounts"].push_back({{"type", "cgroup"},
                                {"source", "cgroup"},
                                {"destination", "/sys/fs/cgroup"},
                                {"options", {"nosuid", "nodev", "noexec", "ro"}}});
    config["mounts"].push_back({{"type", "bind"},
                                {"source", "/sys/fs/cgroup/systemd"},
                                {"destination", "/sys/fs/cgroup/systemd"},
                                {"options", {"bind", "nodev", "noexec", "nosuid"}}});
    config["process"]["args"] = {"ls", "/sys/fs/cgroup/systemd"};
    auto const finished = run();
    EXPECT_NE(finished.out.find("cgroup.procs"), std::string::npos) << "podman's --systemd=always: " << finished.err;
}

TEST_F(DropIn, refuses_a_cgroup_that_is_frozen)
{
    fs::path const legacy = "/sys/fs/cgroup/freezer";
    if (!fs::exists(legacy / "tasks"))
        GTEST_SKIP() << "needs the freezer of version 1";
    fs::create_directory(legacy / id);
    std::ofstream{legacy / id / "freezer.state"} << "FROZEN";
    expect_refusal("unexpectedly frozen");
    std::ofstream{legacy / id / "freezer.state"} << "THAWED";
    fs::remove(legacy / id);
}

TEST_F(DropIn, starts_under_a_profile_that_is_older_than_close_range)
{
    config["process"]["noNewPrivileges"] = false;
    config["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                  {"syscalls", json::array({{{"names", {"close_range"}}, {"action", "SCMP_ACT_ERRNO"}}})}};
    shell("ls /proc/self/fd");
    auto const finished = run();
    EXPECT_EQ(finished.out, "0\n1\n2\n3\n") << finished.err;
}

TEST_F(DropIn, shows_the_host_s_sysfs_where_none_may_be_mounted)
{
    use_user_namespace();
    without_namespace("network");
    shell("cat /sys/class/net/lo/ifindex; grep -c ' /sys ro,' /proc/self/mountinfo");
    auto const finished = run();
    EXPECT_EQ(finished.out, "1\n1\n") << finished.err;
}

} // namespace
} // namespace nova::runtime
