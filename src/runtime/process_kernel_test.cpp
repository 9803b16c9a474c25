// What config.json says of the process itself, looked at from inside.
#include <fcntl.h>

#include <set>

#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

class ProcessOf : public ContainerTest {
protected:
    /// Starts a container that sleeps.
    void start()
    {
        config["process"]["args"] = {"sleep", "100"};
        ASSERT_EQ(create(), 0);
        ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    }

    void add_namespace(const char* type) { config["linux"]["namespaces"].push_back({{"type", type}}); }

    /// Runs it, and expects a refusal of these words before anything was made.
    void expect_refusal(const std::string& words)
    {
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 1) << words;
        EXPECT_NE(finished.err.find(words), std::string::npos) << words << " not in " << finished.err;
        EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
        expect_nothing_left();
    }
};

TEST_F(ProcessOf, runs_under_its_scheduler)
{
    config["process"]["scheduler"] = {{"policy", "SCHED_BATCH"}, {"nice", 7}};
    shell("busybox awk '{print \"nice\", $19, \"priority\", $40, \"policy\", $41}' /proc/self/stat");
    EXPECT_EQ(run().out, "nice 7 priority 0 policy 3\n"); // SCHED_BATCH
    config["process"]["scheduler"] = {{"policy", "SCHED_RR"}, {"priority", 3}, {"flags", {"SCHED_FLAG_RESET_ON_FORK"}}};
    config["process"]["args"] = {"busybox", "awk", "{print $40, $41}", "/proc/1/stat"};
    if (fs::exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us")) // Where groups have a share of real time each begins without.
        config["linux"]["resources"]["cpu"] = {{"realtimePeriod", 1000000}, {"realtimeRuntime", 5000}};
    auto const realtime = run();
    EXPECT_EQ(realtime.out, "3 2\n") << realtime.err; // SCHED_RR
}

TEST_F(ProcessOf, names_what_is_wrong_with_a_scheduler)
{
    config["process"]["scheduler"] = {{"policy", "SCHED_NICE"}};
    expect_refusal("process.scheduler: unknown name SCHED_NICE");
    config["process"]["scheduler"] = {{"policy", "SCHED_OTHER"}, {"nice", 20}};
    expect_refusal("process.scheduler: nice must be -20 to 19, is 20");
    config["process"]["scheduler"] = {{"policy", "SCHED_OTHER"}, {"priority", 5}};
    expect_refusal("process.scheduler: priority is for SCHED_FIFO and SCHED_RR only");
    config["process"]["scheduler"] = {{"policy", "SCHED_FIFO"}, {"priority", 5}, {"runtime", 1000}};
    expect_refusal("process.scheduler: runtime, deadline and period are for SCHED_DEADLINE only");
    config["process"]["scheduler"] = {{"policy", "SCHED_FIFO"}, {"flags", {"SCHED_FLAG_X"}}};
    expect_refusal("process.scheduler: unknown name SCHED_FLAG_X");
}

TEST_F(ProcessOf, names_what_is_wrong_with_a_deadline)
{
    auto const refused = [&](json settings, const std::string& text) {
        settings["policy"] = "SCHED_DEADLINE";
        config["process"]["scheduler"] = std::move(settings);
        expect_refusal("process.scheduler: sched_setattr: `SCHED_DEADLINE` " + text);
    };
    refused({{"deadline", 20000000}}, "requires `runtime`");
    refused({{"runtime", 20000000}}, "requires `deadline`");
    refused({{"runtime", 0}, {"deadline", 20000000}}, "runtime must be greater than 0");
    refused({{"runtime", 1023}, {"deadline", 20000000}}, "runtime 1023 must be between 1024 and ");
    refused({{"runtime", 1ull << 63}, {"deadline", 1ull << 63}}, "runtime 9223372036854775808 must be between");
    refused({{"runtime", 3000}, {"deadline", 2000}}, "runtime 3000 must be <= deadline 2000");
    refused({{"runtime", 2000}, {"deadline", 3000}, {"period", 2500}}, "deadline 3000 must be <= period 2500");
}

TEST_F(ProcessOf, has_its_io_priority)
{
    config["process"]["ioPriority"] = {{"class", "IOPRIO_CLASS_BE"}, {"priority", 6}};
    config["process"]["args"] = {"busybox", "ionice", "-p", "1"};
    EXPECT_EQ(run().out, "best-effort: prio 6\n");
    config["process"]["ioPriority"] = {{"class", "IOPRIO_CLASS_IDLE"}};
    EXPECT_NE(run().out.find("idle"), std::string::npos);
    config["process"]["ioPriority"] = {{"class", "IOPRIO_CLASS_BE"}, {"priority", 8}};
    expect_refusal("process.ioPriority: priority must be 0 to 7, is 8");
    config["process"]["ioPriority"] = {{"class", "BEST"}};
    expect_refusal("process.ioPriority: unknown name BEST");
}

TEST_F(ProcessOf, leaves_the_first_process_on_every_cpu_and_pins_an_exec)
{
    config["process"]["execCPUAffinity"] = {{"initial", "0"}, {"final", "1"}};
    start();
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    auto const allowed = [](const std::string& text) { // "Cpus_allowed_list:\t0-1\n"
        auto const at = text.find("Cpus_allowed_list:") + 19;
        return text.substr(at, text.find('\n', at) - at);
    };
    auto const own = allowed(sys::read_file("/proc/self/status").value());
    if (own == "0")
        GTEST_SKIP() << "needs two processors";
    EXPECT_EQ(allowed(sys::read_file("/proc/" + std::to_string(pid) + "/status").value()), own);
    EXPECT_EQ(allowed(nb({"exec", id, "cat", "/proc/self/status"}).out), "1");
    auto process = config["process"];
    process["args"] = {"cat", "/proc/self/status"};
    process["execCPUAffinity"] = {{"initial", "0"}};
    std::ofstream{directory / "process.json"} << process.dump();
    EXPECT_EQ(allowed(nb({"exec", "--process", (directory / "process.json").string(), id}).out), "0");
}

TEST_F(ProcessOf, refuses_a_list_of_cpus_that_is_none)
{
    config["process"]["execCPUAffinity"] = {{"initial", "0-"}};
    expect_refusal("process.execCPUAffinity: cpu list \"0-\"");
    config["process"]["execCPUAffinity"] = {{"final", "0-100000"}};
    expect_refusal("process.execCPUAffinity: cpu list \"0-100000\"");
}

TEST_F(ProcessOf, takes_its_memory_from_the_nodes_of_its_policy)
{
    config["linux"]["memoryPolicy"] = {{"mode", "MPOL_BIND"}, {"nodes", "0"}, {"flags", {"MPOL_F_STATIC_NODES"}}};
    shell("head -1 /proc/self/numa_maps");
    auto const finished = run();
    EXPECT_NE(finished.out.find(" bind=static:0 "), std::string::npos) << finished.out << finished.err;
    config["linux"]["memoryPolicy"] = {{"mode", "MPOL_X"}};
    expect_refusal("linux.memoryPolicy: mode: unknown name MPOL_X");
    config["linux"]["memoryPolicy"] = {{"mode", "MPOL_BIND"}, {"nodes", "0,x"}};
    expect_refusal("linux.memoryPolicy: nodes");
    config["linux"]["memoryPolicy"] = {{"mode", "MPOL_BIND"}, {"nodes", "1000"}};
    expect_refusal("linux.memoryPolicy: set the memory policy: Invalid argument");
}

TEST_F(ProcessOf, has_the_personality_of_a_32_bit_machine)
{
    config["process"]["args"] = {"busybox", "uname", "-m"};
    config["linux"]["personality"] = {{"domain", "LINUX"}};
    EXPECT_EQ(run().out, "x86_64\n");
    config["linux"]["personality"] = {{"domain", "LINUX32"}};
    EXPECT_EQ(run().out, "i686\n");
}

TEST_F(ProcessOf, lives_in_a_time_of_its_own)
{
    add_namespace("time");
    config["linux"]["timeOffsets"] = {{"boottime", {{"secs", 1000000}, {"nanosecs", 5}}}, {"monotonic", {{"secs", 500}}}};
    shell("cat /proc/uptime /proc/self/timens_offsets");
    auto const finished = run();
    auto const uptime = std::stod(finished.out);
    auto const outside = std::stod(sys::read_file("/proc/uptime").value());
    EXPECT_NEAR(uptime - outside, 1000000, 100) << finished.err;
    EXPECT_NE(finished.out.find("boottime"), std::string::npos) << finished.out;
    start();
    EXPECT_NEAR(std::stod(nb({"exec", id, "cat", "/proc/uptime"}).out) - outside, 1000000, 100) << "exec joins it";
}

TEST_F(ProcessOf, refuses_offsets_of_a_clock_that_has_none)
{
    add_namespace("time");
    config["linux"]["timeOffsets"] = {{"realtime", {{"secs", 1}}}};
    expect_refusal("linux.timeOffsets: ");
    config["linux"]["namespaces"].erase(config["linux"]["namespaces"].size() - 1);
    config["linux"]["timeOffsets"] = {{"boottime", {{"secs", 1}}}};
    expect_refusal("linux.timeOffsets: needs a new time namespace");
}

TEST_F(ProcessOf, has_its_domain_name)
{
    config["domainname"] = "example.org";
    shell("cat /proc/sys/kernel/domainname");
    EXPECT_EQ(run().out, "example.org\n");
}

TEST_F(ProcessOf, is_told_of_a_label_that_cannot_be_put_on)
{
    if (fs::exists("/sys/fs/selinux/enforce") || fs::exists("/sys/module/apparmor/parameters/enabled"))
        GTEST_SKIP() << "needs a kernel without labels";
    config["process"]["apparmorProfile"] = "web";
    expect_refusal("process.apparmorProfile: AppArmor is not in use on this host");
    config["process"]["apparmorProfile"] = "";
    config["process"]["selinuxLabel"] = "system_u:system_r:container_t:s0";
    expect_refusal("process.selinuxLabel: SELinux is not in use on this host");
    config["process"].erase("selinuxLabel");
    config["linux"]["mountLabel"] = "system_u:object_r:container_file_t:s0";
    expect_refusal("linux.mountLabel: SELinux is not in use on this host");
    config["linux"].erase("mountLabel");
    start();
    EXPECT_NE(nb({"exec", "--apparmor", "web", id, "true"}).err.find("AppArmor is not in use"), std::string::npos);
    EXPECT_NE(nb({"exec", "--process-label", "x", id, "true"}).err.find("SELinux is not in use"), std::string::npos);
}

TEST_F(ProcessOf, gets_a_keyring_of_its_own_or_keeps_that_of_its_caller)
{
    config["linux"]["maskedPaths"] = json::array();
    shell("cat /proc/keys");
    EXPECT_EQ(run({"--no-new-keyring"}).out.find("_ses." + id), std::string::npos);
    EXPECT_NE(run().out.find("_ses." + id), std::string::npos);
}

TEST_F(ProcessOf, keeps_the_descriptors_that_it_is_meant_to_have)
{
    std::ofstream{directory / "first"} << "one";
    std::ofstream{directory / "second"} << "two";
    auto const first = sys::open_file(directory / "first", O_RDONLY).value();
    auto const second = sys::open_file(directory / "second", O_RDONLY).value();
    shell("cat /proc/self/fd/3 /proc/self/fd/4; ls /proc/self/fd");
    write_config();
    std::vector<sys::PassedFd> const pass{{first.get(), 3}, {second.get(), 4}};
    auto const finished = nb({"run", "--preserve-fds", "2", "--bundle", bundle.string(), id}, {}, pass);
    EXPECT_EQ(finished.out, "onetwo0\n1\n2\n3\n4\n5\n") << finished.err;
    start();
    auto const executed = nb({"exec", "--preserve-fds", "1", id, "sh", "-c", "cat /proc/self/fd/3; ls /proc/self/fd"}, {}, pass);
    EXPECT_EQ(executed.out, "one0\n1\n2\n3\n4\n") << executed.err;
}

TEST_F(ProcessOf, is_given_no_descriptors_but_the_caller_s_where_more_are_named_than_there_are)
{
    std::ofstream{directory / "file"} << "one";
    auto const file = sys::open_file(directory / "file", O_RDONLY).value();
    std::vector<sys::PassedFd> const pass{{file.get(), 6}};
    config["process"]["args"] = {"sleep", "1000"};
    write_config();
    ASSERT_EQ(nb({"create", "--preserve-fds", "100", "--bundle", bundle.string(), id}, {}, pass).status.as_exit_code(), 0);
    // What waits may hold nothing that `start` waits for.
    auto starting = sys::spawn({.program = program(), .argv = {"nb", "--root", state.string(), "start", id}}).value();
    ASSERT_TRUE(starting.wait(base::Deadline::after(std::chrono::seconds{60})).value().has_value());
    std::set<std::string> open;
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    for (const auto& entry : fs::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"})
        open.insert(entry.path().filename());
    EXPECT_EQ(open, (std::set<std::string>{"0", "1", "2", "6"}));
    auto const executed = nb({"exec", "--preserve-fds", "100", id, "ls", "/proc/self/fd"}, {}, pass);
    EXPECT_EQ(executed.out, "0\n1\n2\n3\n6\n") << executed.err;
}

TEST_F(ProcessOf, may_do_only_what_landlock_leaves_it)
{
    config["root"]["readonly"] = false;
    config["process"]["landlock"] = {
        {"ruleset", {{"handledAccessFS", {"execute", "read_file", "write_file", "make_reg", "make_dir"}}}},
        {"rules",
         {{"pathBeneath",
           json::array({{{"allowedAccess", {"execute", "read_file"}}, {"paths", {"/bin", "/nosuch"}}},
                        {{"allowedAccess", {"read_file", "write_file", "make_reg"}}, {"paths", {"/tmp", "/dev/null"}}}})}}}};
    std::ofstream{rootfs / "etc/secret"} << "secret\n";
    shell("echo fine > /tmp/a && cat /tmp/a; cat /etc/secret; mkdir /tmp/b; echo x > /etc/x; echo ok > /dev/null && echo null");
    for (bool const given_up : {true, false}) {
        config["process"]["noNewPrivileges"] = given_up;
        auto const finished = run();
        EXPECT_EQ(finished.out, "fine\nnull\n") << finished.err;
        EXPECT_NE(finished.err.find("'/etc/secret': Permission denied"), std::string::npos) << finished.err;
        EXPECT_NE(finished.err.find("'/tmp/b': Permission denied"), std::string::npos) << finished.err;
    }
    start();
    EXPECT_NE(nb({"exec", id, "cat", "/etc/secret"}).status.as_exit_code(), 0) << "exec is held to it too";
}

TEST_F(ProcessOf, may_bind_only_the_ports_that_landlock_leaves_it)
{
    config["process"]["landlock"] = {
        {"ruleset", {{"handledAccessNet", {"bind_tcp"}}}},
        {"rules", {{"netPort", json::array({{{"allowedAccess", {"bind_tcp"}}, {"ports", {8080}}}})}}}};
    // Each either listens (0A) or has ended, and which of them is seen and not waited for.
    shell("listens() { grep -q \":$(printf %04X $port) 0*:0000 0A\" /proc/net/tcp /proc/net/tcp6; }\n"
          "ended() { ! [ -d /proc/$! ] || grep -q '^State:.Z' /proc/$!/status; }\n"
          "for port in 8080 8081; do busybox nc -l -p $port & until listens || ended; do sleep 0.02; done; "
          "listens && echo listened on $port; kill -9 $! 2>/dev/null; done");
    auto const finished = run();
    EXPECT_EQ(finished.out, "listened on 8080\n");
    EXPECT_NE(finished.err.find("bind: Permission denied"), std::string::npos) << finished.err;
}

TEST_F(ProcessOf, names_what_is_wrong_with_landlock)
{
    auto const ruleset = json{{"handledAccessFS", {"read_file"}}};
    config["process"]["landlock"] = {{"ruleset", {{"handledAccessFS", {"fly"}}}}};
    expect_refusal("process.landlock.ruleset.handledAccessFS[0]: unknown Landlock right \"fly\"");
    config["process"]["landlock"] = {
        {"ruleset", ruleset}, {"rules", {{"pathBeneath", json::array({{{"allowedAccess", {"write_file"}}, {"paths", {"/"}}}})}}}};
    expect_refusal("process.landlock.rules.pathBeneath[0].allowedAccess: allows what the ruleset does not handle");
}

} // namespace
} // namespace nova::runtime
