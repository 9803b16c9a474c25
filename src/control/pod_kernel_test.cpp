#include <sched.h>
#include <sys/mount.h>

#include "base/abort_guard_testing.h"
#include "control/world_testing.h"
#include "storage/rootfs.h"
#include "storage/test_archives.h"

namespace nova::control::test {
namespace {

constexpr auto web = "pod.default.web";

class Capsules : public testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << "needs root"; // What is mounted goes with the test.
        ASSERT_EQ(::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        storage::test::Layout layout;
        layout.config["config"] = {{"Cmd", {"/bin/serve"}}};
        layout.add_layer(
            storage::test::tar_of({{.name = "etc/", .type = '5', .mode = 0755}, {.name = "bin/", .type = '5', .mode = 0755}}));
        layout.write(world_.root() + "/source");
    }

    void TearDown() override
    {
        world_.kill_daemon();
        EXPECT_TRUE(storage::unmount_rootfs(directory() + "/root").ok());
    }

    void put_image() { world_.put("Image", "web", {{"reference", "web"}, {"source", world_.root() + "/source"}}); }
    void put_network() { world_.put("Network", "lab", {{"subnet", "10.88.0.1/24"}, {"dhcpRange", "10.88.0.2-10.88.0.60"}}); }
    void put_pod(const json& more = json::object())
    {
        json spec{{"containers", {{{"name", "web"}, {"image", "web"}, {"ports", {{{"containerPort", 80}, {"hostPort", 8080}}}}}}},
                  {"network", "lab"},
                  {"terminationGracePeriodSeconds", 1}};
        spec.merge_patch(more);
        world_.put("Pod", "web", spec);
    }
    void start()
    {
        world_.start_daemon();
        put_image();
        put_network();
        put_pod();
        ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
    }
    std::string directory() const { return world_.root() + "/capsules/" + web; }

    World world_;
    base::AbortGuard const guard_{[this] { (void)storage::unmount_rootfs(directory() + "/root"); }};
};

TEST_F(Capsules, wait_in_words_for_image_and_network)
{
    world_.start_daemon();
    put_pod();
    ASSERT_TRUE(world_.becomes("Pod", "web", "Failed"));
    EXPECT_NE(world_.words("Pod", "web").find("nova image import"), std::string::npos);
    put_image();
    EXPECT_TRUE(eventually([&] { return world_.words("Pod", "web").find("there is no network lab") != std::string::npos; }));
    EXPECT_EQ(world_.phase("Pod", "web"), "Pending");
    put_network();
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
}

TEST_F(Capsules, are_named_published_and_kept_out_of_the_dhcp_pool)
{
    start();
    EXPECT_TRUE(eventually([&] { return world_.networks.look("lab")->ports.size() == 1; }));
    auto const plan = *world_.networks.look("lab");
    EXPECT_EQ(plan.hosts.at(0).name, "web");
    EXPECT_EQ(plan.hosts.at(0).address, "10.88.0.61");
    EXPECT_EQ(plan.ports.at(0), (network::PublishedPort{"", 8080, "10.88.0.61", 80, "tcp"}));
    EXPECT_EQ(text_of(world_.read("Pod", "web"), "/status/podIP"), "10.88.0.61");
    EXPECT_TRUE(world_.rests());
}

TEST_F(Capsules, wait_for_a_port_that_another_program_has_and_leave_the_others_alone)
{
    auto const take = [&](std::set<int> ports) {
        auto const lock = world_.faults.hold();
        world_.networks.taken_ports = std::move(ports);
    };
    take({8080});
    world_.start_daemon();
    put_image();
    put_network();
    put_pod();
    world_.put("Pod", "other",
               {{"containers", {{{"name", "other"}, {"image", "web"}, {"ports", {{{"containerPort", 80}, {"hostPort", 9000}}}}}}},
                {"network", "lab"}});
    ASSERT_TRUE(world_.becomes("Pod", "web", "Failed"));
    EXPECT_EQ(world_.words("Pod", "web"), "port 8080 is in use");
    EXPECT_EQ(text_of(world_.read("Pod", "web"), "/status/conditions/0/reason"), "PortInUse");
    EXPECT_EQ(world_.supervisor.count_starts(web), 0);
    ASSERT_TRUE(world_.becomes("Pod", "other", "Running"));
    EXPECT_TRUE(eventually([&] { return world_.networks.look("lab")->ports.size() == 1; }));
    EXPECT_EQ(world_.phase("Network", "lab"), "Active");

    take({});
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
    EXPECT_TRUE(eventually([&] { return world_.networks.look("lab")->ports.size() == 2; }));
    take({7000, 8080, 9000}); // Programs that come later change nothing of what is published.
    world_.change("Pod", "other", [](json& object) { object["spec"]["containers"][0]["ports"][0]["hostPort"] = 7000; });
    EXPECT_TRUE(eventually([&] { return world_.words("Pod", "other") == "port 7000 is in use"; }));
    EXPECT_EQ(world_.phase("Pod", "other"), "Running") << "only its port is not there";
    EXPECT_EQ(world_.phase("Pod", "web"), "Running");
    take({});
    EXPECT_TRUE(eventually([&] { return world_.words("Pod", "other").empty(); }));
    EXPECT_TRUE(eventually([&] { return world_.networks.look("lab")->ports.size() == 2; }));
    EXPECT_EQ(world_.supervisor.count_starts("pod.default.other"), 1);
    EXPECT_TRUE(world_.rests());
    world_.remove("Pod", "other");
    ASSERT_TRUE(world_.goes("Pod", "other"));
}

TEST_F(Capsules, are_asked_to_end_and_then_killed)
{
    world_.supervisor.ignores_term = {web};
    start();
    world_.merge_spec("Pod", "web", {{"running", false}});
    ASSERT_TRUE(world_.becomes("Pod", "web", "Stopped"));
    EXPECT_TRUE(world_.has_been("Pod", "web", "Stopping"));
    EXPECT_EQ(world_.supervisor.signals[web], (std::vector<int>{SIGTERM, SIGKILL}));
    EXPECT_TRUE(eventually([&] { return !world_.networks.look_endpoint(web); })) << "it is let go after its end is told";
    world_.merge_spec("Pod", "web", {{"running", true}});
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
}

TEST_F(Capsules, restart_for_a_new_spec_but_not_for_new_ports)
{
    start();
    world_.merge_spec("Pod", "web", {{"restartPolicy", "Never"}});
    world_.change("Pod", "web", [](json& object) { object["spec"]["containers"][0]["ports"][0]["hostPort"] = 9090; });
    EXPECT_TRUE(eventually([&] {
        auto const ports = world_.networks.look("lab")->ports;
        return ports.size() == 1 && ports[0].host_port == 9090;
    }));
    EXPECT_TRUE(world_.rests());
    EXPECT_EQ(world_.supervisor.count_starts(web), 1);
    world_.change("Pod", "web", [](json& object) { object["spec"]["containers"][0]["args"] = {"-v"}; });
    EXPECT_TRUE(eventually([&] { return world_.supervisor.count_starts(web) == 2; }));
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
}

TEST_F(Capsules, tell_an_end_of_their_own_and_one_that_nobody_saw)
{
    world_.start_daemon();
    put_image();
    put_network();
    put_pod({{"restartPolicy", "Never"}});
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
    world_.kill_daemon();
    world_.supervisor.end(web, 3); // While nobody looks.
    world_.start_daemon();
    ASSERT_TRUE(world_.becomes("Pod", "web", "Failed"));
    EXPECT_EQ(world_.words("Pod", "web"), "it ended with exit code 3");
    EXPECT_TRUE(world_.rests());
    world_.change("Pod", "web", [](json& object) { object["metadata"]["annotations"][restart_annotation] = "1"; });
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
    world_.supervisor.end(web, std::nullopt);
    ASSERT_TRUE(world_.becomes("Pod", "web", "Unknown"));
    EXPECT_NE(world_.words("Pod", "web").find("can't be known"), std::string::npos);
}

TEST_F(Capsules, that_crash_are_started_again_with_a_count_and_a_pause)
{
    start();
    world_.supervisor.end(web, 1);
    ASSERT_TRUE(eventually([&] { return world_.supervisor.count_starts(web) == 2; }));
    world_.supervisor.end(web, 1, 3s);
    EXPECT_TRUE(world_.was("Pod", "web", "Pending", "started again"));
    ASSERT_TRUE(eventually([&] { return world_.supervisor.count_starts(web) == 3; }));
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
    EXPECT_EQ(world_.read("Pod", "web")["status"]["containerStatuses"][0]["restartCount"], 2);
}

TEST_F(Capsules, hold_their_image_until_they_are_gone)
{
    start();
    world_.remove("Image", "web");
    ASSERT_TRUE(world_.becomes("Image", "web", "Terminating"));
    world_.remove("Pod", "web");
    ASSERT_TRUE(world_.goes("Pod", "web"));
    ASSERT_TRUE(world_.goes("Image", "web"));
    EXPECT_FALSE(std::filesystem::exists(directory()));
    EXPECT_FALSE(world_.images.get("web").ok());
}

TEST_F(Capsules, let_go_of_the_layers_of_an_image_that_was_replaced)
{
    auto const layers = [&] {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator{world_.root() + "/images/layers"})
            names.insert(entry.path().filename().string());
        return names;
    };
    auto const replace_image = [&](const std::string& name) {
        storage::test::Layout layout;
        layout.config["config"] = {{"Cmd", {"/bin/serve"}}};
        layout.add_layer(storage::test::tar_of({{.name = "etc/", .type = '5', .mode = 0755}, {.name = name, .content = name}}));
        layout.write(world_.root() + "/source-" + name);
        auto const before = world_.read("Image", "web")["status"]["digest"];
        world_.merge_spec("Image", "web", {{"source", world_.root() + "/source-" + name}});
        EXPECT_TRUE(eventually([&] { return world_.read("Image", "web")["status"]["digest"] != before; }));
    };
    start();
    auto const first = layers();
    ASSERT_EQ(first.size(), 1u);
    replace_image("second");
    EXPECT_TRUE(world_.rests());
    auto const both = layers();
    EXPECT_EQ(both.size(), 2u) << "the capsule still stands on the first";
    world_.change("Pod", "web", [](json& object) { object["metadata"]["annotations"][restart_annotation] = "1"; });
    EXPECT_TRUE(eventually([&] { return layers().size() == 1 && layers() != first; })) << "now it stands on the second";
    ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));

    auto const second = layers();
    replace_image("third");
    EXPECT_TRUE(world_.rests());
    EXPECT_EQ(layers().size(), 2u);
    world_.remove("Pod", "web");
    ASSERT_TRUE(world_.goes("Pod", "web"));
    EXPECT_TRUE(eventually([&] { return layers().size() == 1 && layers() != second; }));
    replace_image("fourth");
    EXPECT_TRUE(eventually([&] { return layers().size() == 1; })) << "with no capsule the old one goes at once";
}

TEST_F(Capsules, are_asked_with_the_signal_that_their_image_names)
{
    storage::test::Layout layout;
    layout.config["config"] = {{"Cmd", {"/bin/serve"}}, {"StopSignal", "SIGQUIT"}};
    layout.add_layer(storage::test::tar_of({{.name = "etc/", .type = '5', .mode = 0755}}));
    std::filesystem::remove_all(world_.root() + "/source");
    layout.write(world_.root() + "/source");
    start();
    world_.merge_spec("Pod", "web", {{"running", false}});
    ASSERT_TRUE(world_.becomes("Pod", "web", "Stopped"));
    EXPECT_EQ(world_.supervisor.signals[web], (std::vector<int>{SIGQUIT}));
}

TEST_F(Capsules, stay_running_in_words_while_their_network_fails)
{
    start();
    {
        auto const lock = world_.faults.hold();
        world_.networks.failure = "nftables says no";
    }
    world_.merge_spec("Network", "lab", {{"stp", true}});
    ASSERT_TRUE(world_.becomes("Network", "lab", "Failed"));
    EXPECT_TRUE(eventually([&] { return world_.words("Pod", "web").find("not active") != std::string::npos; }));
    EXPECT_EQ(world_.phase("Pod", "web"), "Running");
    {
        auto const lock = world_.faults.hold();
        world_.networks.failure.clear();
    }
    EXPECT_TRUE(eventually([&] { return world_.words("Pod", "web").empty(); }));
    EXPECT_EQ(world_.supervisor.count_starts(web), 1);
}

/// The daemon dies at its nth call of a driver between an image that is there and a capsule that is gone again.
TEST_F(Capsules, leave_nothing_wherever_the_daemon_died)
{
    world_.start_daemon();
    put_image();
    ASSERT_TRUE(world_.becomes("Image", "web", "Ready"));
    world_.kill_daemon();
    for (auto const when : {Faults::When::before_effect, Faults::When::after_effect})
        for (std::size_t n = 1; n < 60; ++n) {
            SCOPED_TRACE("killed at call " + std::to_string(n));
            world_.faults.strike_at(n, when);
            world_.start_daemon();
            put_network();
            put_pod();
            (void)eventually([&] { return world_.faults.struck() || world_.phase("Pod", "web") == "Running"; });
            bool const while_starting = world_.faults.struck();
            if (while_starting) {
                world_.kill_daemon();
                world_.faults.heal();
                world_.start_daemon();
                ASSERT_TRUE(world_.becomes("Pod", "web", "Running"));
                ASSERT_EQ(world_.supervisor.count_starts(web), 1) << "no second process";
            }
            world_.remove("Pod", "web");
            world_.remove("Network", "lab");
            bool const struck = eventually([&] { return world_.faults.struck() || world_.read("Network", "lab").is_null(); });
            world_.kill_daemon();
            bool const while_ending = struck && !while_starting && !world_.read("Network", "lab").is_null();
            world_.faults.heal();
            world_.start_daemon();
            ASSERT_TRUE(world_.goes("Pod", "web"));
            ASSERT_TRUE(world_.goes("Network", "lab"));
            EXPECT_FALSE(std::filesystem::exists(directory()));
            EXPECT_FALSE(world_.networks.look_endpoint(web));
            EXPECT_EQ(world_.count_keys("/claims/"), 0u);
            world_.kill_daemon();
            world_.supervisor.starts.clear();
            if (HasFailure() || (!while_starting && !while_ending))
                break;
        }
}

} // namespace
} // namespace nova::control::test
