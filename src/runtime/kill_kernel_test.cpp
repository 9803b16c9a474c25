// Which processes a signal reaches.
#include "runtime/container_fixture.h"
#include "sys/cgroup.h"

namespace nova::runtime {
namespace {

class Kill : public ContainerTest {
protected:
    void without_pid_namespace()
    {
        std::erase_if(config["linux"]["namespaces"].get_ref<json::array_t&>(),
                      [](const auto& entry) { return entry["type"] == "pid"; });
    }

    void start_with_others()
    {
        config["process"]["args"] = {"sleep", "1000"};
        ASSERT_EQ(create(), 0);
        ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
        for (int i = 0; i < 3; ++i)
            ASSERT_EQ(nb({"exec", "--detach", id, "sleep", "1000"}).status.as_exit_code(), 0);
        ASSERT_EQ(pids().size(), 4u);
    }

    std::vector<pid_t> pids() const { return sys::Cgroup::at("/" + id, sys::Cgroup::usual_controllers()).processes().value(); }

    bool all_gone() const
    {
        return eventually([this] { return pids().empty(); });
    }
};

TEST_F(Kill, ends_all_where_they_would_survive_the_first_process)
{
    without_pid_namespace();
    start_with_others();
    EXPECT_EQ(nb({"kill", id, "KILL"}).status.as_exit_code(), 0);
    EXPECT_TRUE(all_gone());
}

TEST_F(Kill, ends_what_the_first_process_left_behind)
{
    without_pid_namespace();
    start_with_others();
    auto const first = json::parse(nb({"state", id}).out)["pid"].get<pid_t>();
    ASSERT_EQ(::kill(first, SIGKILL), 0);
    ASSERT_TRUE(wait_for("stopped"));
    EXPECT_EQ(pids().size(), 3u);
    EXPECT_EQ(nb({"kill", id, "KILL"}).status.as_exit_code(), 0);
    EXPECT_TRUE(all_gone());
    EXPECT_EQ(nb({"kill", id, "KILL"}).status.as_exit_code(), 1) << "nobody is left";
    EXPECT_EQ(nb({"kill", "--all", id, "KILL"}).status.as_exit_code(), 0) << "as those want it who clean up";
}

TEST_F(Kill, sends_other_signals_to_the_first_process_alone)
{
    without_pid_namespace();
    start_with_others();
    EXPECT_EQ(nb({"kill", id, "TERM"}).status.as_exit_code(), 0);
    EXPECT_TRUE(wait_for("stopped"));
    EXPECT_EQ(pids().size(), 3u);
    EXPECT_EQ(nb({"delete", id}).status.as_exit_code(), 0);
    EXPECT_TRUE(pids().empty());
}

TEST_F(Kill, reaches_all_of_a_pid_namespace_without_a_cgroup)
{
    shell("exec 2>/dev/null; trap 'echo first > /tmp/first' USR1; busybox ash -c \"trap 'echo second > /tmp/second; exit' USR1; "
          "touch /tmp/ready; "
          "while true; do sleep 0.1; done\" & "
          "while true; do sleep 0.1; done");
    config["root"]["readonly"] = false;
    write_config();
    auto const started = nb({"--cgroup-manager", "disabled", "run", "--detach", "--bundle", bundle.string(), id});
    ASSERT_EQ(started.status.as_exit_code(), 0) << started.err;
    auto const appears = [&](const char* const name) { return eventually([&] { return fs::exists(rootfs / "tmp" / name); }); };
    ASSERT_TRUE(appears("ready"));
    EXPECT_EQ(nb({"kill", "--all", id, "USR1"}).status.as_exit_code(), 0);
    EXPECT_TRUE(appears("first"));
    EXPECT_TRUE(appears("second"));
}

TEST_F(Kill, ends_a_paused_container)
{
    start_with_others();
    ASSERT_EQ(nb({"pause", id}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"kill", id, "KILL"}).status.as_exit_code(), 0);
    EXPECT_TRUE(wait_for("stopped"));
}

TEST_F(Kill, ends_by_force_what_somebody_froze_elsewhere)
{
    if (sys::cgroup_layout() != sys::CgroupLayout::legacy)
        GTEST_SKIP() << "a process is in one cgroup";
    start_with_others();
    auto const elsewhere = sys::Cgroup::create("/" + id + "-frozen", {"freezer"}).value();
    auto const first = json::parse(nb({"state", id}).out)["pid"].get<pid_t>();
    ASSERT_TRUE(elsewhere.add_process(first).ok());
    ASSERT_TRUE(elsewhere.freeze(base::Deadline::after(std::chrono::seconds{30})).ok());
    auto const removed = nb({"delete", "--force", id});
    EXPECT_EQ(removed.status.as_exit_code(), 0) << removed.err;
    (void)elsewhere.thaw(base::Deadline::after(std::chrono::seconds{30}));
    EXPECT_TRUE(elsewhere.remove(base::Deadline::after(std::chrono::seconds{30})).ok());
}

class TakenCgroup : public ContainerTest {};

TEST_F(TakenCgroup, that_is_frozen_below_one_that_is_new_elsewhere_is_refused)
{
    if (sys::cgroup_layout() != sys::CgroupLayout::legacy)
        GTEST_SKIP() << "controllers have hierarchies on version 1 only";
    auto const path = "/" + id + "/inner";
    auto const frozen = sys::Cgroup::create(path, {"freezer"}).value();
    ASSERT_TRUE(frozen.freeze(base::Deadline::after(std::chrono::seconds{30})).ok());
    config["linux"]["cgroupsPath"] = path;
    write_config();
    sys::RunSpec call;
    call.child.program = program();
    call.child.argv = {"nb", "--root", state.string(), "run", "--bundle", bundle.string(), id};
    call.deadline = base::Deadline::after(std::chrono::seconds{30});
    auto const finished = sys::run_child(call);
    (void)frozen.thaw(base::Deadline::after(std::chrono::seconds{30}));
    ASSERT_TRUE(finished.ok()) << finished.error().message();
    EXPECT_EQ(finished.value().status.as_exit_code(), 1);
    EXPECT_NE(finished.value().err.find("unexpectedly frozen"), std::string::npos) << finished.value().err;
    EXPECT_TRUE(sys::Cgroup::at("/" + id, {"freezer"}).remove(base::Deadline::after(std::chrono::seconds{30})).ok());
}

} // namespace
} // namespace nova::runtime
