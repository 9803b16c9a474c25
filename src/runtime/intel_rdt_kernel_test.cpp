// linux.intelRdt from end to end, on a fake resctrl (fake_resctrl.h): no machine that we test on has the real one.
#include "runtime/intel_rdt.h"

#include <sys/wait.h>

#include <algorithm>

#include "runtime/container_fixture.h"
#include "runtime/exec.h"
#include "runtime/fake_resctrl.h"
#include "runtime/launch.h"
#include "runtime/remove.h"

namespace nova::runtime {
namespace {

#define TRY_OR_FAIL(...)                                                                                                         \
    do {                                                                                                                         \
        auto const tried_ = (__VA_ARGS__);                                                                                       \
        ASSERT_TRUE(tried_.ok()) << tried_.error().message();                                                                    \
    } while (false)

class IntelRdt : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        if (IsSkipped())
            return;
        mount.emplace(directory / "resctrl");
        if (!mount->mounted())
            GTEST_SKIP() << "needs FUSE";
        globals.root = state.string();
        globals.resctrl = mount->path();
        config["process"]["args"] = {"sleep", "1000"};
    }

    void TearDown() override
    {
        if (!globals.root.empty())
            remove_it();
        mount.reset();
        ContainerTest::TearDown();
    }

    /// In this process: the program has no way to be told of a fake.
    Status launch_it(StartMode start = StartMode::at_once)
    {
        config["linux"]["intelRdt"] = wish;
        write_config();
        LaunchRequest request;
        request.id = id;
        request.bundle = bundle.string();
        request.config = (bundle / "config.json").string();
        request.start = start;
        auto launched = launch(globals, request);
        if (!launched.ok())
            return std::move(launched).take_error();
        pid = launched.value().record.pid;
        return base::done();
    }

    /// Its processes are our children, as `nb`'s would be init's: somebody must see their end.
    void remove_it()
    {
        for (const auto one : {second, pid}) // A namespace's first process ends last.
            if (one > 0 && ::kill(one, SIGKILL) == 0)
                ::waitpid(one, nullptr, 0);
        pid = second = 0;
        TRY_OR_FAIL(remove_container(globals, id, Force::yes));
    }

    std::string failure()
    {
        auto const failed = launch_it();
        EXPECT_FALSE(failed.ok());
        expect_nothing_left_here();
        return failed.ok() ? "" : failed.error().message();
    }

    void expect_nothing_left_here() const
    {
        EXPECT_FALSE(fs::exists(state / id)) << "a record";
        EXPECT_EQ(cgroup_below("/sys/fs/cgroup"), "") << "a cgroup";
    }

    fs::path place(const std::string& path) const { return fs::path{mount->path()} / path; }
    std::string text(const std::string& path) const { return sys::read_file(place(path).string()).value(); }
    std::string line(const std::string& path) const { return base::trim(text(path)); }
    void make_class(const std::string& name, const std::string& schemata)
    {
        fs::create_directory(place(name));
        sys::write_kernel_file(place(name + "/schemata").string(), schemata).value();
    }

    std::optional<FakeResctrlMount> mount;
    Globals globals;
    json wish = json::object();
    pid_t pid = 0;
    pid_t second = 0;
};

TEST_F(IntelRdt, makes_a_class_of_the_container_s_id_and_removes_it_with_the_container)
{
    wish = {{"l3CacheSchema", "L3:0=f;1=f0"}, {"memBwSchema", "MB:0=20;1=70"}};
    TRY_OR_FAIL(launch_it());
    EXPECT_EQ(line(id + "/tasks"), std::to_string(pid));
    EXPECT_EQ(text(id + "/schemata"), "    L3:0=00f;1=0f0\n    MB:0=20;1=70\n");
    EXPECT_EQ(text("schemata"), "    L3:0=fff;1=fff\n    MB:0=100;1=100\n") << "the default class is nobody's to change";
    remove_it();
    EXPECT_FALSE(fs::exists(place(id)));
}

TEST_F(IntelRdt, writes_no_values_where_none_are_asked_for)
{
    TRY_OR_FAIL(launch_it(StartMode::later));
    EXPECT_EQ(line(id + "/tasks"), std::to_string(pid));
    EXPECT_EQ(text(id + "/schemata"), text("schemata"));
}

TEST_F(IntelRdt, leaves_a_class_that_was_there_before)
{
    make_class(id, "L3:0=3\n");
    TRY_OR_FAIL(launch_it());
    EXPECT_EQ(line(id + "/tasks"), std::to_string(pid));
    remove_it();
    EXPECT_TRUE(fs::exists(place(id)));
}

TEST_F(IntelRdt, makes_the_class_that_is_named_and_leaves_it)
{
    wish = {{"closID", "guaranteed"}, {"schemata", {"L3:0=7f0;1=1f", "MB:0=20"}}};
    TRY_OR_FAIL(launch_it());
    EXPECT_EQ(line("guaranteed/tasks"), std::to_string(pid));
    EXPECT_EQ(text("guaranteed/schemata"), "    L3:0=7f0;1=01f\n    MB:0=20;1=100\n");
    remove_it();
    EXPECT_TRUE(fs::exists(place("guaranteed")));
}

TEST_F(IntelRdt, joins_a_class_that_is_there_when_its_values_are_those_asked_for)
{
    make_class("shared", "L3:0=f;1=f0\nMB:0=20\n");
    wish = {{"closID", "shared"}, {"l3CacheSchema", "L3:1=0f0;0=F"}, {"memBwSchema", "MB:0=13"}}; // The kernel rounds 13 to 20.
    TRY_OR_FAIL(launch_it());
    EXPECT_EQ(line("shared/tasks"), std::to_string(pid));
    remove_it();
    wish = {{"closID", "shared"}};
    TRY_OR_FAIL(launch_it());
    EXPECT_EQ(line("shared/tasks"), std::to_string(pid)) << "prepared by somebody else";
    remove_it();
    wish = {{"closID", "shared"}, {"l3CacheSchema", "L3:0=ff"}};
    EXPECT_NE(failure().find("linux.intelRdt: class \"shared\" has other values: L3:0 is f, not ff"), std::string::npos);
    EXPECT_EQ(text("shared/schemata"), "    L3:0=00f;1=0f0\n    MB:0=20;1=100\n");
}

TEST_F(IntelRdt, refuses_a_class_that_is_neither_there_nor_described)
{
    wish = {{"closID", "nosuch"}};
    EXPECT_NE(failure().find("linux.intelRdt: closID: there is no class \"nosuch\""), std::string::npos);
    EXPECT_FALSE(fs::exists(place("nosuch")));
}

TEST_F(IntelRdt, may_be_the_default_class)
{
    wish = {{"closID", "/"}, {"enableMonitoring", true}};
    TRY_OR_FAIL(launch_it());
    EXPECT_EQ(line("tasks"), std::to_string(pid));
    EXPECT_EQ(line("mon_groups/" + id + "/tasks"), std::to_string(pid));
    remove_it();
    EXPECT_FALSE(fs::exists(place("mon_groups/" + id)));
    EXPECT_TRUE(fs::exists(place("schemata")));
}

TEST_F(IntelRdt, watches_the_container_alone_and_tells_in_the_statistics)
{
    for (const char* const field : {"enableMonitoring", "enableCMT", "enableMBM"}) {
        wish = {{"closID", "watched"}, {"schemata", {"L3:0=f"}}, {field, true}};
        TRY_OR_FAIL(launch_it());
        auto const group = "watched/mon_groups/" + id;
        EXPECT_EQ(line(group + "/tasks"), std::to_string(pid)) << field;
        auto const record = StateDirectory::open(globals.root, id).value().read().value();
        auto const stats = json::parse(rdt_stats_json(globals, record));
        EXPECT_EQ(stats["schemata"], json({"L3:0=00f;1=fff", "MB:0=100;1=100"}));
        EXPECT_EQ(stats["l3_cache_schema"], "L3:0=00f;1=fff");
        EXPECT_EQ(stats["l3_cache_schema_root"], "L3:0=fff;1=fff");
        EXPECT_EQ(stats["mem_bw_schema"], "MB:0=100;1=100");
        EXPECT_EQ(stats["l3_cache_info"], json({{"cbm_mask", "fff"}, {"min_cbm_bits", 1}, {"num_closids", 3}}));
        EXPECT_EQ(stats["mem_bw_info"]["bandwidth_gran"], 10);
        EXPECT_EQ(stats["cmt_stats"], json::array({{{"llc_occupancy", 4096}}, {{"llc_occupancy", 4096}}}));
        EXPECT_EQ(stats["mbm_stats"].size(), 2u);
        remove_it();
        EXPECT_FALSE(fs::exists(place(group)));
        EXPECT_TRUE(fs::exists(place("watched")));
    }
}

TEST_F(IntelRdt, has_what_exec_starts_in_the_same_class)
{
    wish = {{"enableMonitoring", true}};
    TRY_OR_FAIL(launch_it());
    ExecRequest request;
    request.id = id;
    request.process = model::oci::parse_config(config.dump()).value().process.value();
    auto const executed = execute_in(globals, request);
    ASSERT_TRUE(executed.ok()) << executed.error().message();
    second = sys::pid_of(executed.value().pidfd.get()).value();
    auto const both = std::to_string(pid) + "\n" + std::to_string(second);
    EXPECT_EQ(line(id + "/tasks"), both);
    EXPECT_EQ(line(id + "/mon_groups/" + id + "/tasks"), both);
}

TEST_F(IntelRdt, takes_other_values_while_it_runs)
{
    TRY_OR_FAIL(launch_it());
    auto const record = StateDirectory::open(globals.root, id).value().read().value();
    model::oci::IntelRdt change;
    change.l3_cache_schema = "L3:0=3";
    change.mem_bw_schema = "MB:1=50";
    TRY_OR_FAIL(update_rdt_class(globals, record, change));
    EXPECT_EQ(text(id + "/schemata"), "    L3:0=003;1=fff\n    MB:0=100;1=50\n");
}

TEST_F(IntelRdt, leaves_nothing_when_a_step_of_it_fails_and_says_the_kernel_s_reason)
{
    wish = {{"schemata", {"XX:0=1"}}, {"enableMonitoring", true}};
    auto const said = failure();
    EXPECT_NE(said.find("linux.intelRdt: "), std::string::npos) << said;
    EXPECT_NE(said.find("resctrl says \"Unknown or unsupported resource name 'XX:'\""), std::string::npos) << said;
    EXPECT_FALSE(fs::exists(place(id)));
    wish = {{"closID", "mine"}, {"schemata", {"XX:0=1"}}};
    (void)failure();
    EXPECT_FALSE(fs::exists(place("mine"))) << "made by us and of no use to anybody";
    make_class("one", "L3:0=1\n");
    make_class("two", "L3:0=1\n");
    wish = json::object();
    EXPECT_NE(failure().find("resctrl says \"Out of CLOSIDs\""), std::string::npos);
    fs::create_directory(place("one/mon_groups/" + id));
    wish = {{"closID", "one"}, {"enableMonitoring", true}};
    EXPECT_NE(failure().find("linux.intelRdt.enableMonitoring"), std::string::npos);
    EXPECT_TRUE(fs::exists(place("one/mon_groups/" + id))) << "not ours";
    fs::remove(place("two"));
    wish = json::object();
    config["process"]["args"] = {"/bin/nosuch"};
    (void)failure();
    EXPECT_FALSE(fs::exists(place(id))) << "a later step failed";
}

using IntelRdtHere = ContainerTest;

TEST_F(IntelRdtHere, is_refused_where_the_kernel_has_none)
{
    if (sys::Resctrl::open().ok())
        GTEST_SKIP() << "this host has one";
    config["linux"]["intelRdt"] = {{"closID", "some"}, {"l3CacheSchema", "L3:0=f"}};
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_EQ(finished.err, "nb: run: " + id + ": linux.intelRdt: no resctrl file system is mounted on this host\n");
    expect_nothing_left();
}

} // namespace
} // namespace nova::runtime
