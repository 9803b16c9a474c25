#include <fcntl.h>

#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

using Container = ContainerTest;

TEST_F(Container, runs_a_program_and_leaves_nothing)
{
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
    expect_nothing_left();
}

TEST_F(Container, gives_the_program_s_exit_code)
{
    shell("exit 7");
    EXPECT_EQ(run().status.as_exit_code(), 7);
    shell("kill -9 $$; sleep 5"); // A pid namespace's first process does not die of its own signal.
    config["process"]["args"] = {"sh", "-c", "sh -c 'kill -9 $$'; exit $?"};
    EXPECT_EQ(run().status.as_exit_code(), 137);
}

TEST_F(Container, has_namespaces_of_its_own)
{
    shell("for n in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done; hostname; echo $$");
    config["hostname"] = "inside";
    auto const out = run().out;
    for (const char* const name : {"mnt", "pid", "net", "ipc", "uts", "cgroup"})
        EXPECT_EQ(out.find(fs::read_symlink(std::string{"/proc/self/ns/"} + name).string()), std::string::npos) << name;
    EXPECT_NE(out.find("inside\n1\n"), std::string::npos) << out;
}

TEST_F(Container, reaches_itself_over_the_loopback_of_a_new_network_namespace)
{
    shell("cat /sys/class/net/lo/flags");
    EXPECT_EQ(run().out, "0x9\n"); // IFF_UP | IFF_LOOPBACK
}

TEST_F(Container, joins_a_network_namespace_by_path)
{
    for (auto& entry : config["linux"]["namespaces"])
        if (entry["type"] == "network")
            entry["path"] = "/proc/self/ns/net"; // nb's own, so the host's.
    shell("readlink /proc/self/ns/net");
    auto const finished = run();
    EXPECT_EQ(finished.out, fs::read_symlink("/proc/self/ns/net").string() + "\n") << finished.err;
}

TEST_F(Container, refuses_a_path_that_is_another_kind_of_namespace)
{
    for (auto& entry : config["linux"]["namespaces"])
        if (entry["type"] == "network")
            entry["path"] = "/proc/self/ns/uts";
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("is no network namespace"), std::string::npos) << finished.err;
    expect_nothing_left();
}

TEST_F(Container, maps_ids_in_a_user_namespace)
{
    config["linux"]["namespaces"].push_back({{"type", "user"}});
    config["linux"]["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}});
    config["linux"]["gidMappings"] = config["linux"]["uidMappings"];
    shell("cat /proc/self/uid_map; id -u; touch /dev/shm/x && stat -c %u /dev/shm/x; echo ok > /dev/null && echo null");
    for (const char* const name : {"proc", "dev", "sys"})
        fs::create_directories(rootfs / name); // The root of that namespace may not write into a root that is not its own.
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
    EXPECT_NE(finished.out.find("100000"), std::string::npos) << finished.out;
    EXPECT_NE(finished.out.find("\n0\n0\nnull\n"), std::string::npos) << finished.out;
}

TEST_F(Container, is_held_to_its_memory_limit)
{
    config["linux"]["resources"]["memory"] = {{"limit", 16 << 20}, {"swap", 16 << 20}};
    shell("head -c 100000000 /dev/zero | grep x; echo alive");
    config["process"]["args"] = {"sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null; echo $?"};
    for (auto& mount : config["mounts"])
        if (mount["destination"] == "/dev/shm")
            mount["options"] = {"size=100m"};
    auto const finished = run();
    EXPECT_EQ(finished.out.find("0\n"), std::string::npos) << "40 MiB fitted into 16: " << finished.out << finished.err;
}

TEST_F(Container, shows_its_limits_in_the_cgroup)
{
    config["linux"]["resources"]["memory"] = {{"limit", 64 << 20}};
    config["linux"]["resources"]["pids"] = {{"limit", 20}};
    config["linux"]["resources"]["cpu"] = {{"quota", 50000}, {"period", 100000}, {"shares", 512}};
    shell("cd /sys/fs/cgroup; cat memory*/memory.limit_in_bytes memory.max pids*/pids.max pids.max cpu*/cpu.cfs_quota_us cpu.max "
          "2>/dev/null; true");
    auto const out = run().out;
    EXPECT_NE(out.find("67108864"), std::string::npos) << out;
    EXPECT_NE(out.find("20\n"), std::string::npos) << out;
    EXPECT_NE(out.find("50000"), std::string::npos) << out;
}

TEST_F(Container, starts_with_half_a_mebibyte_of_memory)
{
    config["linux"]["resources"]["memory"] = {{"limit", 512 << 10}};
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
}

TEST_F(Container, may_not_use_devices_that_were_not_given)
{
    shell("mknod /dev/kmsg2 c 1 11; busybox mknod /dev/kmsg2 c 1 11 && cat /dev/kmsg2 | head -c 1");
    EXPECT_NE(run().status.as_exit_code(), 0);
}

TEST_F(Container, has_no_more_capabilities_than_given)
{
    config["process"]["capabilities"] = {{"bounding", {"CAP_KILL"}}, {"effective", {"CAP_KILL"}}, {"permitted", {"CAP_KILL"}}};
    shell("grep -E 'Cap|NoNew' /proc/self/status");
    auto const out = run().out;
    EXPECT_NE(
        out.find("CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\nCapBnd:\t0000000000000020\n"
                 "CapAmb:\t0000000000000000\nNoNewPrivs:\t1"),
        std::string::npos)
        << out;
}

TEST_F(Container, cannot_write_read_only_nor_read_masked_paths)
{
    shell("touch /x; echo 1 > /proc/sys/kernel/printk; cat /proc/keys | head -c 5; ls /sys/firmware | head -1; echo done");
    auto const finished = run();
    EXPECT_EQ(finished.out, "done\n") << finished.err;
    EXPECT_NE(finished.err.find("/x: Read-only file system"), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("printk: Read-only file system"), std::string::npos) << finished.err;
}

TEST_F(Container, runs_as_the_user_with_groups_and_umask)
{
    config["process"]["user"] = {{"uid", 1000}, {"gid", 1001}, {"additionalGids", {5, 6}}, {"umask", 63}};
    config["process"]["cwd"] = "/not/there/yet";
    config["root"]["readonly"] = false;
    shell("id -u; id -G; umask; echo $PWD; grep Cap[PE] /proc/self/status");
    auto const finished = run();
    EXPECT_EQ(finished.out, "1000\n1001 5 6\n0077\n/not/there/yet\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n")
        << finished.err;
}

TEST_F(Container, binds_files_and_directories_and_keeps_them_read_only)
{
    std::ofstream{directory / "greeting"} << "hello\n";
    fs::create_directories(directory / "volume");
    config["mounts"].push_back({{"destination", "/etc/greeting"},
                                {"source", (directory / "greeting").string()},
                                {"type", "bind"},
                                {"options", {"bind", "ro"}}});
    config["mounts"].push_back({{"destination", "/data"}, {"source", (directory / "volume").string()}, {"options", {"rbind"}}});
    config["root"]["readonly"] = false;
    shell("cat /etc/greeting; echo x > /etc/greeting; touch /data/made");
    auto const finished = run();
    EXPECT_EQ(finished.out, "hello\n") << finished.err;
    EXPECT_NE(finished.err.find("Read-only file system"), std::string::npos) << finished.err;
    EXPECT_TRUE(fs::exists(directory / "volume/made"));
}

TEST_F(Container, keeps_no_descriptor_of_ours)
{
    shell("ls /proc/self/fd"); // 3 is that of ls.
    EXPECT_EQ(run().out, "0\n1\n2\n3\n");
}

TEST_F(Container, applies_sysctls_of_its_namespaces_and_no_other)
{
    config["linux"]["sysctl"] = {{"net.ipv4.ip_forward", "1"}, {"kernel.msgmax", "4242"}};
    shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax");
    EXPECT_EQ(run().out, "1\n4242\n");
    config["linux"]["sysctl"] = {{"kernel.panic", "5"}};
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("linux.sysctl: kernel.panic"), std::string::npos) << finished.err;
}

TEST_F(Container, lives_through_create_start_exec_kill_and_delete)
{
    shell("sleep 100");
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    EXPECT_EQ(status(), "created");
    EXPECT_EQ(nb({"delete", id}).status.as_exit_code(), 1) << "delete of a created container";
    EXPECT_EQ(create(), 1) << "a second create of the id";
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    EXPECT_EQ(status(), "running");
    EXPECT_EQ(nb({"start", id}).status.as_exit_code(), 1) << "a second start";
    EXPECT_EQ(
        nb({"exec", "--user", "5:6", "--env", "A=b", "--cwd", "/bin", id, "sh", "-c", "id -u; id -g; echo $A $PWD; exit 3"}).out,
        "5\n6\nb /bin\n");
    EXPECT_EQ(nb({"exec", id, "sh", "-c", "exit 3"}).status.as_exit_code(), 3);
    EXPECT_EQ(nb({"kill", id, "KILL"}).status.as_exit_code(), 0);
    EXPECT_TRUE(wait_for("stopped"));
    EXPECT_EQ(nb({"kill", id}).status.as_exit_code(), 1) << "kill of a stopped container";
    EXPECT_EQ(nb({"exec", id, "true"}).status.as_exit_code(), 1);
    EXPECT_EQ(nb({"delete", id}).status.as_exit_code(), 0);
    EXPECT_EQ(status(), "absent");
    expect_nothing_left();
}

TEST_F(Container, says_of_an_exec_whether_its_program_is_missing_or_unusable)
{
    shell("exec sleep 1000");
    sys::replace_file((rootfs / "etc/script").string(), "no interpreter", 0755).value();
    sys::replace_file((rootfs / "etc/text").string(), "text", 0644).value();
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    struct Case {
        std::vector<std::string> words;
        int code;
        std::string said;
    };
    for (const auto& [words, code, said] : std::vector<Case>{
             {{id, "nosuch"},
              127,
              "nb: exec: executable file not found: \"nosuch\" not found in $PATH: No such file or directory\n"},
             {{"--env", "PATH=/bin:/etc", id, "text"},
              126,
              "nb: exec: cannot execute: permission denied: /etc/text: Permission denied\n"},
             {{"--env", "PATH=/bin:/", id, "etc"},
              127,
              "nb: exec: executable file not found: \"etc\" not found in $PATH: No such file or directory\n"},
             {{id, "/no/such"}, 127, "nb: exec: executable file not found: /no/such: No such file or directory\n"},
             {{id, "/etc/text"}, 126, "nb: exec: cannot execute: permission denied: /etc/text: Permission denied\n"},
             {{id, "/etc"}, 126, "nb: exec: cannot execute: permission denied: /etc: Is a directory\n"},
             {{id, "/etc/script"}, 126, "nb: exec: execute /etc/script: Exec format error\n"},
             {{"--cwd", "/nosuch", id, "true"},
              126,
              "nb: exec: process.cwd: enter /nosuch: there is no such directory in the container: No such file or directory\n"},
             {{"--cwd", "/etc/text", id, "true"},
              126,
              "nb: exec: process.cwd: enter /etc/text: there is no such directory in the container: No such file or "
              "directory\n"}}) {
        std::vector<std::string> call{"exec"};
        call.insert(call.end(), words.begin(), words.end());
        auto const done = nb(call);
        EXPECT_EQ(done.status.as_exit_code(), code) << said;
        EXPECT_EQ(done.err, said);
    }
    EXPECT_FALSE(fs::exists(rootfs / "nosuch")) << "the working directory is not made";
    EXPECT_EQ(nb({"exec", "--pid-file", (directory / "pid").string(), id, "nosuch"}).status.as_exit_code(), 127);
    EXPECT_FALSE(fs::exists(directory / "pid"));
}

TEST_F(Container, refuses_an_exec_user_that_is_no_number)
{
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    for (const char* const user : {"", "1000x", "root", "-1", "1:", "4294967295", " 0"})
        EXPECT_EQ(nb({"exec", "--user", user, id, "true"}).status.as_exit_code(), 1) << user;
}

TEST_F(Container, is_listed_in_a_table_and_as_json)
{
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    EXPECT_NE(nb({"list"}).out.find(id), std::string::npos);
    auto const list = json::parse(nb({"list", "--format", "json"}).out);
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0]["id"], id);
    EXPECT_EQ(list[0]["status"], "created");
}

TEST_F(Container, is_paused_resumed_updated_and_measured)
{
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"resume", id}).status.as_exit_code(), 1) << "it is not paused";
    ASSERT_EQ(nb({"pause", id}).status.as_exit_code(), 0);
    EXPECT_EQ(status(), "paused");
    EXPECT_EQ(nb({"exec", id, "true"}).status.as_exit_code(), 1);
    ASSERT_EQ(nb({"resume", id}).status.as_exit_code(), 0);
    EXPECT_EQ(status(), "running");
    EXPECT_EQ(nb({"update", "--memory", "32Mi", "--pids-limit", "77", id}).status.as_exit_code(), 0);
    auto const updated = nb({"update", "--resources", "-", id}, R"({"memory":{"limit":50331648}})");
    EXPECT_EQ(updated.status.as_exit_code(), 0) << updated.err;
    auto const stats = json::parse(nb({"events", "--stats", id}).out);
    EXPECT_EQ(stats["data"]["memory"]["usage"]["limit"], 50331648);
    EXPECT_EQ(stats["data"]["pids"]["limit"], 77);
    EXPECT_EQ(json::parse(nb({"ps", "--format", "json", id}).out).size(), 1u);
    EXPECT_NE(nb({"ps", id}).out.find("sleep 100"), std::string::npos);
    ASSERT_EQ(nb({"pause", id}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"delete", "--force", id}).status.as_exit_code(), 0) << "a paused one dies too";
    expect_nothing_left();
}

TEST_F(Container, is_not_started_while_it_is_paused)
{
    config["process"]["args"] = {"true"};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"pause", id}).status.as_exit_code(), 0);
    EXPECT_EQ(status(), "paused");
    auto const refused = nb({"start", id});
    EXPECT_EQ(refused.status.as_exit_code(), 1) << "nobody would answer: it must not wait for that";
    EXPECT_NE(refused.err.find("it is paused, not created"), std::string::npos) << refused.err;
    ASSERT_EQ(nb({"resume", id}).status.as_exit_code(), 0);
    EXPECT_EQ(status(), "created");
    EXPECT_EQ(nb({"start", id}).status.as_exit_code(), 0);
}

TEST_F(Container, runs_hooks_with_the_state_on_stdin)
{
    auto const log = (directory / "hooks").string();
    json hooks;
    for (const char* const kind : {"prestart", "createRuntime", "createContainer", "poststart", "poststop"})
        hooks[kind] =
            json::array({{{"path", "/bin/sh"}, {"args", {"sh", "-c", std::string{"echo "} + kind + " $(cat) >> " + log}}}});
    config["hooks"] = hooks;
    EXPECT_EQ(run().status.as_exit_code(), 0);
    auto const text = sys::read_file(log).value();
    std::size_t at = 0;
    for (const char* const kind : {"prestart {", "createRuntime {", "createContainer {", "poststart {", "poststop {"}) {
        auto const found = text.find(kind);
        EXPECT_NE(found, std::string::npos) << kind << text;
        EXPECT_GE(found, at) << "in order";
        at = found;
    }
    EXPECT_NE(text.find(id), std::string::npos);
}

TEST_F(Container, is_gone_when_a_hook_fails_or_takes_too_long)
{
    config["hooks"] = {{"createRuntime", json::array({{{"path", "/bin/false"}}})}};
    EXPECT_EQ(run().status.as_exit_code(), 1);
    expect_nothing_left();
    config["hooks"] = {{"createContainer", json::array({{{"path", "/bin/sleep"}, {"args", {"sleep", "60"}}, {"timeout", 1}}})}};
    EXPECT_EQ(run().status.as_exit_code(), 1);
    expect_nothing_left();
}

TEST_F(Container, leaves_nothing_when_any_step_fails)
{
    auto const good = config;
    std::vector<std::pair<const char*, std::function<void()>>> const breakages{
        {"no program", [&] { config["process"]["args"] = {"/bin/nosuch"}; }},
        {"no rootfs", [&] { config["root"]["path"] = "nosuch"; }},
        {"bad mount type",
         [&] {
             config["mounts"].push_back({{"destination", "/x"}, {"type", "nosuchfs"}, {"source", "x"}});
         }},
        {"bad mount source",
         [&] {
             config["mounts"].push_back({{"destination", "/etc/x"}, {"type", "bind"}, {"source", "/nosuch"}});
         }},
        {"bad tmpfs option", [&] { config["mounts"][1]["options"].push_back("size=never"); }},
        {"bad limit",
         [&] {
             config["linux"]["resources"]["cpu"] = {{"quota", 1}};
         }},
        {"unknown rlimit",
         [&] {
             config["process"]["rlimits"] = json::array({{{"type", "RLIMIT_X"}, {"soft", 1}, {"hard", 1}}});
         }},
        {"rlimit given twice",
         [&] {
             auto const limit = [](int number) { return json{{"type", "RLIMIT_NOFILE"}, {"soft", number}, {"hard", number}}; };
             config["process"]["rlimits"] = json::array({limit(200), limit(100)});
         }},
        {"unknown seccomp action", [&] { config["linux"]["seccomp"]["defaultAction"] = "SCMP_ACT_X"; }},
        {"unknown architecture", [&] { config["linux"]["seccomp"]["architectures"] = {"SCMP_ARCH_X"}; }},
        {"namespace path", [&] { config["linux"]["namespaces"][0]["path"] = "/nosuch"; }},
        {"hostname too long", [&] { config["hostname"] = std::string(100, 'x'); }},
        {"device",
         [&] {
             config["linux"]["devices"] = json::array({{{"path", "/proc/x"}, {"type", "c"}, {"major", 1}, {"minor", 3}}});
         }},
        {"cgroup path", [&] { config["linux"]["cgroupsPath"] = "/../x"; }},
        {"working directory is a file", [&] { config["process"]["cwd"] = "/bin/busybox"; }},
        {"script without interpreter",
         [&] {
             std::ofstream{rootfs / "script"} << "#!/nosuch\n";
             fs::permissions(rootfs / "script", fs::perms::all);
             config["process"]["args"] = {"/script"};
         }},
    };
    for (const auto& [name, damage] : breakages) {
        config = good;
        damage();
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 1) << name;
        EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << name << ": " << finished.err;
        expect_nothing_left();
    }
}

TEST_F(Container, does_not_outlive_a_create_that_is_killed)
{
    config["hooks"] = {{"createRuntime", json::array({{{"path", "/bin/sh"}, {"args", {"sh", "-c", "kill -9 $PPID; sleep 1"}}}})}};
    EXPECT_EQ(run().status.signal, 9);
    EXPECT_EQ(nb({"delete", "--force", id}).status.as_exit_code(), 0);
    expect_nothing_left();
}

TEST_F(Container, gets_no_mount_outside_by_links_in_its_root)
{
    auto const outside = directory / "outside";
    fs::create_directories(outside);
    fs::create_directory_symlink(outside, rootfs / "dev");
    fs::create_directory_symlink("../../../../../../../../" + outside.string(), rootfs / "sys");
    config["mounts"].push_back({{"destination", "/dev/../../..//escape"}, {"type", "tmpfs"}, {"source", "tmpfs"}});
    config["root"]["readonly"] = false;
    (void)run();
    EXPECT_TRUE(fs::is_empty(outside));
    EXPECT_FALSE(fs::exists("/escape"));
}

TEST_F(Container, refuses_proc_as_a_link)
{
    fs::create_directory_symlink("/tmp", rootfs / "proc");
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("symbolic link"), std::string::npos) << finished.err;
}

TEST_F(Container, cannot_overwrite_the_runtime)
{
    fs::create_symlink("/proc/self/exe", rootfs / "bin/self");
    shell("sleep 100");
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0); // Waits with our own file as its program, as an attacker inside would see it.
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    auto const target = "/proc/" + std::to_string(pid) + "/exe";
    EXPECT_FALSE(sys::open_file(target, O_WRONLY).ok());
    EXPECT_FALSE(sys::open_file(target, O_WRONLY | O_TRUNC).ok());
}

TEST_F(Container, refuses_bad_ids)
{
    for (const char* const bad : {"a/b", "..", ".", "", "a b", "a\nb"}) {
        auto const finished = nb({"state", bad});
        EXPECT_EQ(finished.status.as_exit_code(), 1) << bad;
    }
}

TEST_F(Container, refuses_bad_configurations_with_the_field_in_one_line)
{
    auto const good = config.dump();
    std::string nested = R"({"ociVersion":"1.0.0","annotations":)";
    nested.append(10u << 20, '[');
    auto const with = [&](const char* pointer, json value) {
        auto copy = json::parse(good);
        copy[json::json_pointer{pointer}] = std::move(value);
        return copy.dump();
    };
    std::vector<std::pair<std::string, std::string>> const cases{
        {good.substr(0, good.size() / 2), "line "},
        {"", "line 1"},
        {nested, "nested too deeply"},
        {with("/process/args", "sh"), "process.args: must be a list"},
        {with("/process/args/0", 5), "process.args[0]: must be a string"},
        {with("/process/cwd", "here"), "process.cwd: must be an absolute path"},
        {with("/process/args/0", std::string{"a\0b", 3}), "process.args[0]: must be without NUL"},
        {with("/ociVersion", "9.0.0"), "ociVersion"},
        {with("/linux/namespaces/0/type", "x"), "linux.namespaces[0].type"},
        {with("/linux/resources/memory", {{"limit", 1.5}}), "linux.resources.memory.limit"},
    };
    for (const auto& [text, wanted] : cases) {
        std::ofstream{bundle / "config.json"} << text;
        auto const finished = nb({"create", "--bundle", bundle.string(), id});
        EXPECT_EQ(finished.status.as_exit_code(), 1);
        EXPECT_NE(finished.err.find(wanted), std::string::npos) << wanted << " not in " << finished.err.substr(0, 300);
        EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1);
        expect_nothing_left();
    }
}

TEST_F(Container, writes_its_error_into_the_json_log)
{
    auto const log = (directory / "log").string();
    auto const finished = nb({"--log", log, "--log-format", "json", "start", "nosuch"});
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    auto const line = json::parse(sys::read_file(log).value());
    EXPECT_EQ(line["level"], "error");
    EXPECT_NE(line["msg"].get<std::string>().find("does not exist"), std::string::npos);
}

} // namespace
} // namespace nova::runtime
