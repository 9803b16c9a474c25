#include "control/control.h"

#include "control/world_testing.h"

namespace nova::control::test {
namespace {

constexpr auto probe = "vm.default.probe";

const json lab{{"subnet", "10.88.0.1/24"}, {"dhcpRange", "10.88.0.50-10.88.0.60"}};
const json on_lab{{"kernel", "/boot/vmlinuz"}, {"network", "lab"}, {"gracePeriodSeconds", 30}};
const json alone{{"kernel", "/boot/vmlinuz"}};

TEST(Networks, become_active_with_a_gateway_and_a_served_dns)
{
    World world;
    world.start_daemon();
    world.put("Network", "lab", lab);
    ASSERT_TRUE(world.becomes("Network", "lab", "Active"));
    auto const plan = world.networks.look("lab");
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->gateway, "10.88.0.1");
    EXPECT_EQ(plan->dhcp_first, "10.88.0.50");
    EXPECT_TRUE(world.supervisor.is_running("dns.lab"));
}

TEST(Networks, take_another_name_for_the_bridge_where_theirs_is_somebody_elses)
{
    World world;
    world.networks.foreign_links = {"lab"};
    world.start_daemon();
    world.put("Network", "lab", lab);
    ASSERT_TRUE(world.becomes("Network", "lab", "Active"));
    EXPECT_EQ(world.networks.look("lab")->bridge, "lab-0123");
}

TEST(Networks, take_another_name_for_the_bridge_where_theirs_means_something_to_the_kernel)
{
    World world;
    world.start_daemon();
    for (const auto* name : {"lo", "all", "default"}) {
        world.put("Network", name, json::object());
        ASSERT_TRUE(world.becomes("Network", name, "Active"));
        EXPECT_EQ(world.networks.look(name)->bridge.substr(0, 3), "br-");
    }
}

TEST(Networks, say_that_they_do_not_fit_this_host_where_their_bridge_is_somebody_elses)
{
    World world;
    world.networks.foreign_links = {"eth0"};
    world.start_daemon();
    world.put("Network", "lab", {{"bridge", "eth0"}});
    ASSERT_TRUE(world.becomes("Network", "lab", "Failed"));
    auto const condition = world.read("Network", "lab")["status"]["conditions"][0];
    EXPECT_EQ(condition["reason"], "HostConflict");
    EXPECT_NE(condition["message"].get<std::string>().find("link eth0"), std::string::npos) << condition;
    {
        auto const lock = world.faults.hold();
        world.networks.foreign_links.clear();
    }
    ASSERT_TRUE(world.becomes("Network", "lab", "Active"));
    EXPECT_EQ(world.networks.look("lab")->bridge, "eth0");
}

TEST(Networks, pick_subnets_that_overlap_no_other)
{
    World world;
    world.start_daemon();
    world.put("Network", "a", {{"subnet", "10.88.0.0/15"}});
    ASSERT_TRUE(world.becomes("Network", "a", "Active"));
    world.put("Network", "b", json::object());
    ASSERT_TRUE(world.becomes("Network", "b", "Active"));
    EXPECT_EQ(world.networks.look("b")->subnet, "10.90.0.0/24");
}

TEST(Networks, do_not_spin_when_their_dns_ends_at_once)
{
    World world;
    world.supervisor.dies_at_once = {"dns.lab"};
    auto const began = std::chrono::steady_clock::now();
    world.start_daemon();
    world.put("Network", "lab", lab);
    ASSERT_TRUE(world.becomes("Network", "lab", "Active"));
    EXPECT_TRUE(eventually([&] { return world.words("Network", "lab").find("started again") != std::string::npos; }));
    std::this_thread::sleep_for(300ms);
    auto const starts = world.supervisor.count_starts("dns.lab");
    auto const took = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count();
    EXPECT_LE(starts, 3 + took) << "the second at once, the third after a second, and each of the next ones later";
}

TEST(Networks, wait_with_their_removal_for_their_workloads)
{
    World world;
    world.start_daemon();
    world.put("Network", "lab", lab);
    world.put("VirtualMachine", "probe", on_lab);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    world.remove("Network", "lab");
    ASSERT_TRUE(world.becomes("Network", "lab", "Terminating"));
    EXPECT_NE(world.words("Network", "lab").find(probe), std::string::npos);
    EXPECT_TRUE(world.networks.look("lab")) << "the bridge stays below its workload";
    world.remove("VirtualMachine", "probe");
    ASSERT_TRUE(world.goes("VirtualMachine", "probe"));
    ASSERT_TRUE(world.goes("Network", "lab"));
    EXPECT_EQ(world.count_keys("/claims/"), 0u);
    EXPECT_FALSE(world.supervisor.look("dns.lab"));
}

TEST(Machines, boot_only_when_their_address_is_served)
{
    World world;
    world.start_daemon();
    world.put("VirtualMachine", "probe", on_lab);
    ASSERT_TRUE(world.was("VirtualMachine", "probe", "Pending", "there is no network lab"));
    world.put("Network", "lab", lab);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    auto const plan = world.networks.look("lab");
    ASSERT_EQ(plan->hosts.size(), 1u);
    EXPECT_EQ(plan->hosts[0].address, "10.88.0.50") << "from the range that DHCP serves";
    auto const status = world.read("VirtualMachine", "probe")["status"];
    EXPECT_EQ(status["address"], "10.88.0.50");
    EXPECT_EQ(status["mac"], plan->hosts[0].mac);
    EXPECT_EQ(world.networks.look_endpoint(probe)->bridge, "lab");
}

TEST(Machines, keep_addresses_that_are_theirs_alone_across_restarts)
{
    World world;
    world.start_daemon();
    world.put("Network", "lab", lab);
    for (const auto* name : {"a", "b", "c"})
        world.put("VirtualMachine", name, on_lab);
    std::map<std::string, std::string> first;
    for (const auto* name : {"a", "b", "c"}) {
        ASSERT_TRUE(world.becomes("VirtualMachine", name, "Running"));
        first[name] = text_of(world.read("VirtualMachine", name), "/status/address");
    }
    EXPECT_EQ((std::set<std::string>{first["a"], first["b"], first["c"]}.size()), 3u);
    world.kill_daemon();
    world.start_daemon();
    world.change("VirtualMachine", "a", [](json& object) { object["metadata"]["annotations"][restart_annotation] = "1"; });
    ASSERT_TRUE(eventually([&] { return world.supervisor.count_starts("vm.default.a") == 2; }));
    ASSERT_TRUE(world.becomes("VirtualMachine", "a", "Running"));
    EXPECT_EQ(text_of(world.read("VirtualMachine", "a"), "/status/address"), first["a"]);
}

TEST(Machines, leave_the_network_that_their_spec_names_no_more)
{
    World world;
    world.start_daemon();
    world.put("Network", "lab", lab);
    world.put("Network", "other", {{"subnet", "10.99.0.1/24"}});
    world.put("VirtualMachine", "probe", on_lab);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    world.merge_spec("VirtualMachine", "probe", {{"network", "other"}});
    EXPECT_TRUE(eventually([&] { return text_of(world.read("VirtualMachine", "probe"), "/status/address") == "10.99.0.2"; }));
    world.remove("Network", "lab");
    EXPECT_TRUE(world.goes("Network", "lab"));
}

TEST(Machines, tell_what_failed_once_and_try_again)
{
    World world;
    world.hypervisor.failure = "kernel /boot/vmlinuz does not exist";
    world.start_daemon();
    world.put("VirtualMachine", "probe", alone);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Failed"));
    EXPECT_NE(world.words("VirtualMachine", "probe").find("does not exist"), std::string::npos);
    EXPECT_TRUE(world.rests()) << "tries that fail the same way write nothing";
    {
        auto const lock = world.faults.hold();
        world.hypervisor.failure.clear();
    }
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
}

TEST(Machines, are_asked_by_the_power_button_and_then_ended)
{
    World world;
    world.hypervisor.deaf = true;
    world.start_daemon();
    world.put("VirtualMachine", "probe", {{"kernel", "/k"}, {"gracePeriodSeconds", 1}});
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    auto const asked = std::chrono::steady_clock::now();
    world.merge_spec("VirtualMachine", "probe", {{"running", false}});
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Stopped"));
    EXPECT_TRUE(world.has_been("VirtualMachine", "probe", "Stopping"));
    auto const lock = world.faults.hold();
    EXPECT_GE(world.supervisor.last_end - asked, 1s) << "it has its grace";
    EXPECT_GE(world.hypervisor.presses, 1);
}

TEST(Machines, get_the_button_again_and_again_while_their_guest_boots)
{
    World world;
    world.hypervisor.deaf = true;
    world.start_daemon();
    world.put("VirtualMachine", "probe", {{"kernel", "/k"}, {"gracePeriodSeconds", 30}});
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    world.merge_spec("VirtualMachine", "probe", {{"running", false}});
    auto const presses = [&] {
        auto const lock = world.faults.hold();
        return world.hypervisor.presses;
    };
    ASSERT_TRUE(eventually([&] { return presses() == 1; }));
    {
        auto const lock = world.faults.hold();
        world.hypervisor.deaf = false; // It has come so far that it listens.
    }
    EXPECT_TRUE(world.becomes("VirtualMachine", "probe", "Stopped"));
    EXPECT_GE(world.hypervisor.presses, 2);
}

TEST(Machines, start_again_after_a_stop)
{
    World world;
    world.start_daemon();
    world.put("VirtualMachine", "probe", alone);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    world.merge_spec("VirtualMachine", "probe", {{"running", false}});
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Stopped"));
    world.merge_spec("VirtualMachine", "probe", {{"running", true}});
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    EXPECT_EQ(world.supervisor.count_starts(probe), 2);
}

TEST(Machines, stay_off_when_their_guest_switched_them_off)
{
    World world;
    world.start_daemon();
    world.put("VirtualMachine", "probe", alone);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    world.supervisor.end(probe, 0);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Stopped"));
    world.kill_daemon();
    (void)world.supervisor.forget(probe); // A reboot.
    world.start_daemon();
    EXPECT_TRUE(world.rests());
    EXPECT_EQ(world.supervisor.count_starts(probe), 1);
    world.change("VirtualMachine", "probe", [](json& object) { object["metadata"]["annotations"][restart_annotation] = "1"; });
    EXPECT_TRUE(world.becomes("VirtualMachine", "probe", "Running")) << "nova start";
}

TEST(Machines, that_crash_are_started_again_each_time_later)
{
    World world;
    world.start_daemon();
    world.put("VirtualMachine", "probe", alone);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    world.supervisor.end(probe, 139);
    ASSERT_TRUE(eventually([&] { return world.supervisor.count_starts(probe) == 2; }));
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    EXPECT_FALSE(world.has_been("VirtualMachine", "probe", "Failed")) << "the first time at once";
    world.supervisor.end(probe, std::nullopt, 3s);
    ASSERT_TRUE(world.was("VirtualMachine", "probe", "Failed", "can't be known"));
    ASSERT_TRUE(eventually([&] { return world.supervisor.count_starts(probe) == 3; }));
}

TEST(Control, writes_nothing_when_nothing_changes)
{
    World world;
    world.start_daemon();
    world.put("Network", "lab", lab);
    world.put("VirtualMachine", "probe", on_lab);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    EXPECT_TRUE(world.rests());
    auto const revision = world.keyspace().revision();
    world.supervisor.tell(""); // Look at everything.
    EXPECT_TRUE(world.rests());
    world.kill_daemon();
    world.start_daemon();
    EXPECT_TRUE(world.rests());
    EXPECT_EQ(world.keyspace().revision(), revision);
}

TEST(Control, makes_bridges_anew_that_were_deleted_and_leaves_what_runs)
{
    World world;
    world.start_daemon();
    world.put("Network", "lab", lab);
    world.put("VirtualMachine", "probe", on_lab);
    ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
    world.kill_daemon();
    world.networks.lose_switches();
    world.start_daemon();
    EXPECT_TRUE(eventually([&] { return world.networks.look("lab") && world.networks.look("lab")->hosts.size() == 1; }));
    EXPECT_TRUE(eventually([&] { return world.words("VirtualMachine", "probe").empty(); }));
    EXPECT_EQ(world.phase("VirtualMachine", "probe"), "Running");
    EXPECT_EQ(world.supervisor.count_starts(probe), 1);
    world.networks.lose_switches();
    world.supervisor.end("dns.lab", 0); // dnsmasq goes with its bridge.
    EXPECT_TRUE(eventually([&] { return world.networks.look("lab") && world.supervisor.is_running("dns.lab"); }));
    world.networks.lose_switches();
    world.networks.tell(""); // The kernel's word.
    EXPECT_TRUE(eventually([&] { return world.networks.look("lab").has_value(); }));
    {
        auto const lock = world.faults.hold();
        world.networks.endpoints.clear();
    }
    world.networks.tell(probe);
    EXPECT_TRUE(eventually([&] { return world.networks.look_endpoint(probe).has_value(); }));
    EXPECT_EQ(world.supervisor.count_starts(probe), 1);
}

TEST(Control, survives_records_that_are_nonsense)
{
    World world;
    int number = 0;
    for (const auto* text :
         {"", "[]", "{}", "7", "{\"metadata\":[],\"spec\":3,\"status\":[1]}", "{\"metadata\":{\"finalizers\":7}}"})
        for (const auto* kind : {"Pod", "Network", "Image", "VirtualMachine", "Namespace"})
            (void)world.keyspace().put("/objects/" + std::string{kind} + "/default/x" + std::to_string(number++), text);
    world.start_daemon();
    (void)world.keyspace().put("/claims/address/x", "vm.default.y");
    (void)world.keyspace().put("/objects/Network/default/lab", "{\"status\":{\"attachments\":[7,{\"kind\":1}]}}");
    (void)world.keyspace().put("/objects/Pod/default/web", "{\"spec\":{\"network\":{}}}");
    world.put("VirtualMachine", "probe", alone);
    EXPECT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
}

TEST(Control, sweeps_the_plugs_of_workloads_that_are_gone)
{
    World world;
    world.networks.endpoints["pod.default.gone"] = {};
    world.networks.endpoints[probe] = {};
    (void)world.keyspace().put("/objects/VirtualMachine/default/probe", "does not read, but may run");
    world.start_daemon();
    EXPECT_FALSE(world.networks.look_endpoint("pod.default.gone"));
    EXPECT_TRUE(world.networks.look_endpoint(probe));
}

/// The daemon dies at its nth call of a driver, for every n until it gets through.
void die_everywhere(const std::function<void(World&)>& begin, const std::function<void(World&)>& check)
{
    for (auto const when : {Faults::When::before_effect, Faults::When::after_effect})
        for (std::size_t n = 1; n < 60; ++n) {
            SCOPED_TRACE("killed at call " + std::to_string(n) + (when == Faults::When::before_effect ? ", before" : ", after"));
            World world;
            world.faults.strike_at(n, when);
            world.start_daemon();
            begin(world);
            bool const struck = eventually([&] { return world.faults.struck(); }, 300ms);
            world.kill_daemon();
            world.faults.heal();
            world.start_daemon();
            check(world);
            if (!struck || testing::Test::HasFailure())
                return;
        }
}

TEST(Control, converges_wherever_a_start_was_interrupted)
{
    die_everywhere(
        [](World& world) {
            world.put("Network", "lab", lab);
            world.put("VirtualMachine", "probe", on_lab);
        },
        [](World& world) {
            ASSERT_TRUE(world.becomes("VirtualMachine", "probe", "Running"));
            EXPECT_EQ(world.supervisor.count_starts(probe), 1) << "no second process";
            EXPECT_EQ(world.networks.look("lab")->hosts.size(), 1u);
        });
}

TEST(Control, converges_wherever_a_removal_was_interrupted)
{
    die_everywhere(
        [](World& world) {
            world.put("Network", "lab", lab);
            world.put("VirtualMachine", "probe", on_lab);
            (void)eventually([&] { return world.faults.struck() || world.phase("VirtualMachine", "probe") == "Running"; });
            world.remove("VirtualMachine", "probe");
            world.remove("Network", "lab");
        },
        [](World& world) {
            ASSERT_TRUE(world.goes("VirtualMachine", "probe"));
            ASSERT_TRUE(world.goes("Network", "lab"));
            EXPECT_FALSE(world.networks.look("lab"));
            EXPECT_FALSE(world.networks.look_endpoint(probe));
            EXPECT_FALSE(world.supervisor.look(probe));
            EXPECT_FALSE(world.supervisor.look("dns.lab"));
            EXPECT_EQ(world.count_keys("/claims/"), 0u);
            EXPECT_FALSE(std::filesystem::exists(world.root() + "/vms/probe.vm"));
        });
}

} // namespace
} // namespace nova::control::test
