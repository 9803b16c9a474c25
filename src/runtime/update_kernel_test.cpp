// update and events against the kernel's own files, on whatever version of cgroups this host has.
#include <fcntl.h>

#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

class UpdateTest : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        if (IsSkipped())
            return;
        if (!fs::exists("/sys/fs/cgroup/memory/memory.limit_in_bytes") && !fs::exists("/sys/fs/cgroup/memory/cgroup.procs"))
            GTEST_SKIP() << "needs cgroup version 1: version 2 is tested in a guest";
        shell("sleep 1000");
    }

    std::string file(const std::string& controller, const std::string& name) const
    {
        auto const text = sys::read_file("/sys/fs/cgroup/" + controller + "/" + id + "/" + name);
        return text.ok() ? text.value().substr(0, text.value().find('\n')) : text.error().message();
    }

    void start_container()
    {
        write_config();
        auto const started = nb({"run", "--detach", "--bundle", bundle.string(), id});
        ASSERT_TRUE(started.status.success()) << started.err;
    }

    void expect_update(std::vector<std::string> words, const std::string& input = {}) const
    {
        words.insert(words.begin(), "update");
        words.push_back(id);
        auto const updated = nb(words, input);
        EXPECT_TRUE(updated.status.success()) << updated.err;
    }

    json noted_resources() const { return json::parse(std::ifstream{state / id / "config.json"})["linux"]["resources"]; }
};

TEST_F(UpdateTest, sets_every_limit_that_an_option_names)
{
    start_container();
    expect_update({"--memory", "64M", "--memory-reservation", "32M", "--cpu-share", "512", "--cpu-period", "50000", "--cpu-quota",
                   "20000", "--cpu-burst", "10000", "--pids-limit", "17", "--cpuset-cpus", "0", "--cpuset-mems", "0"});
    EXPECT_EQ(file("memory", "memory.limit_in_bytes"), "67108864");
    EXPECT_EQ(file("memory", "memory.soft_limit_in_bytes"), "33554432");
    EXPECT_EQ(file("cpu", "cpu.shares"), "512");
    EXPECT_EQ(file("cpu", "cpu.cfs_period_us"), "50000");
    EXPECT_EQ(file("cpu", "cpu.cfs_quota_us"), "20000");
    EXPECT_EQ(file("cpu", "cpu.cfs_burst_us"), "10000");
    EXPECT_EQ(file("pids", "pids.max"), "17");
    EXPECT_EQ(file("cpuset", "cpuset.cpus"), "0") << "a controller it took no part in before";
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    EXPECT_EQ(file("cpuset", "cgroup.procs"), std::to_string(pid));
    EXPECT_TRUE(nb({"delete", "--force", id}).status.success());
    expect_nothing_left();
}

TEST_F(UpdateTest, makes_it_idle_and_weighs_it_again)
{
    start_container();
    if (file("cpu", "cpu.idle") != "0")
        GTEST_SKIP() << "this kernel has no cpu.idle";
    expect_update({"--cpu-idle", "1"});
    EXPECT_EQ(file("cpu", "cpu.idle"), "1");
    expect_update({"--cpu-share", "300"});
    EXPECT_EQ(file("cpu", "cpu.idle"), "0");
    EXPECT_EQ(file("cpu", "cpu.shares"), "300");
    expect_update({"--cpu-share", "200", "--cpu-idle", "1"});
    EXPECT_EQ(file("cpu", "cpu.idle"), "1");
}

TEST_F(UpdateTest, takes_quota_and_period_that_fit_only_together)
{
    config["linux"]["cgroupsPath"] = "/" + id + "/inner";
    config["linux"]["resources"]["cpu"] = {{"quota", 90000}, {"period", 100000}};
    start_container();
    // One processor for all below: 90000 in a period of 5000 would be eighteen.
    ASSERT_TRUE(sys::write_kernel_file("/sys/fs/cgroup/cpu/" + id + "/cpu.cfs_quota_us", "100000").ok());
    expect_update({"--cpu-period", "5000", "--cpu-quota", "4000"});
    EXPECT_EQ(file("cpu", "inner/cpu.cfs_period_us"), "5000");
    EXPECT_EQ(file("cpu", "inner/cpu.cfs_quota_us"), "4000");
    EXPECT_TRUE(nb({"delete", "--force", id}).status.success());
    for (const auto& controller : fs::directory_iterator{"/sys/fs/cgroup"})
        ::rmdir((controller.path() / id).c_str());
}

TEST_F(UpdateTest, takes_real_time_and_its_period_that_fit_only_together)
{
    start_container();
    if (!fs::exists("/sys/fs/cgroup/cpu/" + id + "/cpu.rt_runtime_us"))
        GTEST_SKIP() << "this kernel shares no real time among groups";
    for (const auto& [period, runtime] : {std::pair{"900001", "600001"}, {"10000", "3000"}, {"100000", "20000"}}) {
        expect_update({"--cpu-rt-period", period, "--cpu-rt-runtime", runtime});
        EXPECT_EQ(file("cpu", "cpu.rt_period_us"), period);
        EXPECT_EQ(file("cpu", "cpu.rt_runtime_us"), runtime);
    }
}

TEST_F(UpdateTest, limits_the_number_of_processes_to_0)
{
    start_container();
    expect_update({"--pids-limit", "0"});
    EXPECT_EQ(file("pids", "pids.max"), "1");
}

TEST_F(UpdateTest, reads_the_specification_s_json_and_leaves_alone_what_is_0)
{
    config["ociVersion"] = "1.2.1"; // In later ones a pids.limit of 0 is a limit.
    config["linux"]["resources"]["pids"] = {{"limit", 9}};
    start_container();
    expect_update(
        {"--resources", "-"},
        R"({"memory":{"limit":33554432,"reservation":0,"swap":0,"kernel":0},"cpu":{"shares":700,"quota":0,"period":0,"cpus":""},
                      "pids":{"limit":0},"blockIO":{"weight":0}})");
    EXPECT_EQ(file("memory", "memory.limit_in_bytes"), "33554432");
    EXPECT_EQ(file("cpu", "cpu.shares"), "700");
    EXPECT_EQ(file("cpu", "cpu.cfs_period_us"), "100000");
    EXPECT_EQ(file("pids", "pids.max"), "9");
}

TEST_F(UpdateTest, notes_in_its_configuration_what_holds_now)
{
    config["linux"]["resources"]["pids"] = {{"limit", 9}};
    start_container();
    expect_update({"--memory", "64M", "--pids-limit", "11"});
    EXPECT_EQ(noted_resources()["memory"]["limit"], 67108864);
    EXPECT_EQ(noted_resources()["pids"]["limit"], 11);
    EXPECT_EQ(noted_resources()["devices"], config["linux"]["resources"]["devices"]) << "what was not asked for stays";
    EXPECT_TRUE(nb({"exec", id, "true"}).status.success()) << "and is still read";
}

TEST_F(UpdateTest, sets_all_limits_back_when_one_fails)
{
    config["linux"]["resources"]["memory"] = {{"limit", 96 << 20}};
    config["linux"]["resources"]["pids"] = {{"limit", 9}};
    start_container();
    auto const shares = file("cpu", "cpu.shares");
    auto const failed = nb({"update", "--memory", "64M", "--cpu-share", "777", "--cpu-quota", "1", "--pids-limit", "5", id});
    EXPECT_EQ(failed.status.as_exit_code(), 1);
    EXPECT_NE(failed.err.find("cfs_quota_us"), std::string::npos) << failed.err;
    EXPECT_EQ(file("memory", "memory.limit_in_bytes"), std::to_string(96 << 20));
    EXPECT_EQ(file("cpu", "cpu.shares"), shares);
    EXPECT_EQ(file("pids", "pids.max"), "9");
    EXPECT_EQ(noted_resources()["memory"]["limit"], 96 << 20);
}

TEST_F(UpdateTest, refuses_a_limit_below_what_is_in_use_where_that_is_asked_for)
{
    shell("exec sh -c 'x=$(head -c 20000000 /dev/zero | tr \"\\\\0\" x); sleep 1000; true'"); // The shell stays, and holds it.
    fs::create_symlink("busybox", rootfs / "bin/tr");
    start_container();
    ASSERT_TRUE(eventually([&] { return file("memory", "memory.usage_in_bytes").size() >= 8; })); // Ten million.
    auto const failed = nb({"update", "--resources", "-", id}, R"({"memory":{"limit":4194304,"checkBeforeUpdate":true}})");
    EXPECT_EQ(failed.status.as_exit_code(), 1);
    EXPECT_NE(failed.err.find("are in use, more than the new limit"), std::string::npos) << failed.err;
}

TEST_F(UpdateTest, names_the_option_the_field_or_the_state_that_is_wrong)
{
    start_container();
    auto const words = [&](std::vector<std::string> options, const std::string& input = {}) {
        options.insert(options.begin(), "update");
        options.push_back(id);
        auto const failed = nb(options, input);
        EXPECT_EQ(failed.status.as_exit_code(), 1);
        return failed.err;
    };
    EXPECT_NE(words({"--memory", "many"}).find("--memory: must be a number of bytes"), std::string::npos);
    EXPECT_NE(words({"--blkio-weight", "7"}).find("blockIO.weight: must be 10 to 1000, is 7"), std::string::npos);
    EXPECT_NE(words({"--resources", "-"}, "{\"memory\":{\"limit\":\"x\"}}").find("memory.limit: must be"), std::string::npos);
    EXPECT_NE(words({"--resources", "-"}, "{").find("--resources"), std::string::npos);
    EXPECT_NE(words({"--l3-cache-schema", "L3:0=f"}).find("without linux.intelRdt"), std::string::npos);
    EXPECT_TRUE(nb({"kill", id, "KILL"}).status.success());
    EXPECT_TRUE(wait_for("stopped"));
    EXPECT_NE(words({"--memory", "64M"}).find("is stopped"), std::string::npos);
}

TEST_F(UpdateTest, prints_what_a_container_uses_with_every_part_that_runc_has)
{
    config["linux"]["resources"]["memory"] = {{"limit", 64 << 20}};
    config["linux"]["resources"]["pids"] = {{"limit", 9}};
    start_container();
    auto const printed = nb({"events", "--stats", id});
    ASSERT_TRUE(printed.status.success()) << printed.err;
    auto const event = json::parse(printed.out);
    EXPECT_EQ(event["type"], "stats");
    EXPECT_EQ(event["id"], id);
    const auto& data = event["data"];
    for (const char* const part : {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"})
        EXPECT_TRUE(data.contains(part)) << part;
    EXPECT_GT(data["cpu"]["usage"]["total"], 100000);
    EXPECT_EQ(data["memory"]["usage"]["limit"], 64 << 20);
    EXPECT_GT(data["memory"]["usage"]["usage"], 4096);
    EXPECT_TRUE(data["memory"]["raw"].contains("pgfault"));
    EXPECT_EQ(data["pids"]["limit"], 9);
    EXPECT_EQ(data["pids"]["current"], 1);
}

TEST_F(UpdateTest, tells_when_the_kernel_kills_for_want_of_memory)
{
    config["linux"]["resources"]["memory"] = {{"limit", 32 << 20}, {"swap", 32 << 20}};
    start_container();
    sys::ChildSpec watcher;
    auto const log = (directory / "events").string();
    auto const out = sys::open_file(log, O_WRONLY | O_CREAT | O_TRUNC, 0600).value();
    watcher.program = program();
    watcher.argv = {"nb", "--root", state.string(), "events", "--interval", "50s", "--pressure", "memory", id};
    watcher.out = out.get();
    auto child = sys::spawn(watcher).value();
    auto const printed = [&](const std::string& what) {
        return eventually([&] { return sys::read_file(log).value().find(what) != std::string::npos; });
    };
    ASSERT_TRUE(printed("\"type\":\"stats\""));
    EXPECT_EQ(sys::read_file(log).value().find("\"type\":\"oom\""), std::string::npos);
    EXPECT_EQ(nb({"exec", id, "dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"}).status.as_exit_code(), 137);
    EXPECT_TRUE(printed("{\"type\":\"oom\",\"id\":\"" + id + "\"}\n"));
    EXPECT_TRUE(
        printed("{\"type\":\"pressure\",\"id\":\"" + id + "\",\"data\":{\"resource\":\"memory\",\"level\":\"medium\"}}\n"));
    EXPECT_TRUE(nb({"kill", id, "KILL"}).status.success());
    auto const ended = child.wait(base::Deadline::after(std::chrono::seconds{60})).value();
    ASSERT_TRUE(ended) << "it ends with the container";
    EXPECT_TRUE(ended->success());
    EXPECT_EQ(sys::read_file(log).value().find("oom"), sys::read_file(log).value().rfind("oom"))
        << "the end is no want of memory";
}

TEST_F(UpdateTest, limits_huge_pages_where_a_hybrid_host_has_them_in_version_2_alone)
{
    fs::path const unified = "/sys/fs/cgroup/unified";
    auto const controllers = sys::read_file(unified / "cgroup.controllers");
    if (fs::exists("/sys/fs/cgroup/hugetlb/cgroup.procs") || !controllers.ok() ||
        controllers.value().find("hugetlb") == std::string::npos)
        GTEST_SKIP() << "this host has them elsewhere, or not at all";
    config["linux"]["resources"]["hugepageLimits"] = {{{"pageSize", "2MB"}, {"limit", 4 << 20}}};
    start_container();
    EXPECT_EQ(file("unified", "hugetlb.2MB.max"), std::to_string(4 << 20));
    auto const pid = json::parse(nb({"state", id}).out)["pid"].get<int>();
    EXPECT_EQ(file("unified", "cgroup.procs"), std::to_string(pid));
    EXPECT_TRUE(json::parse(nb({"events", "--stats", id}).out)["data"]["hugetlb"].contains("2MB"));
    expect_update({"--resources", "-"}, R"({"hugepageLimits":[{"pageSize":"2MB","limit":2097152}]})");
    EXPECT_EQ(file("unified", "hugetlb.2MB.max"), "2097152");
    EXPECT_TRUE(nb({"delete", "--force", id}).status.success());
    expect_nothing_left();
}

} // namespace
} // namespace nova::runtime
