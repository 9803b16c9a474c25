#include <gmock/gmock.h>

#include "network/playground_testing.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/netns.h"
#include "sys/nftables.h"
#include "sys/sysctl.h"

namespace nova::network {

using base::Code;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

namespace {

PublishedPort publish(int host_port, const std::string& address, int port, const std::string& host_ip = {})
{
    return {host_ip, static_cast<std::uint16_t>(host_port), address, static_cast<std::uint16_t>(port), "tcp"};
}

Status delete_link(const std::string& name)
{
    auto netlink = TRY(sys::Netlink::open());
    auto const link = TRY(sys::get_link(netlink, name));
    return sys::remove_link(netlink, link.index);
}

#define EXPECT_OK(...)                                                                                                           \
    do {                                                                                                                         \
        auto const status_ = (__VA_ARGS__);                                                                                      \
        EXPECT_TRUE(status_.ok()) << (status_.ok() ? "" : status_.error().message());                                            \
    } while (false)

class Capsules : public Playground {
protected:
    std::string capsule(Networks& networks, const EndpointPlan& plan)
    {
        auto const path = networks.ensure_capsule(plan);
        EXPECT_TRUE(path.ok()) << path.error().message();
        return path.ok() ? path.value() : std::string{};
    }
};

} // namespace

TEST_F(Capsules, on_one_switch_reach_each_other_and_the_host)
{
    auto const networks = open();
    auto const lab = nat();
    EXPECT_OK(networks->ensure_switch(lab));
    auto const one = capsule(*networks, plug("one", lab, 11));
    auto const two = capsule(*networks, plug("two", lab, 12));

    auto const server = listen(two, 80);
    auto const host = listen("", 9000);
    EXPECT_EQ(reach(one, server, "10.88.0.12", 80), "10.88.0.11");
    EXPECT_EQ(reach("", server, "10.88.0.12", 80), "10.88.0.1");
    EXPECT_EQ(reach(one, host, "10.88.0.1", 9000), "10.88.0.11");
    EXPECT_THAT(run_in(one, {"busybox", "ping", "-c", "1", "-W", "30", "10.88.0.12"}), HasSubstr("1 packets received"));
    auto const state = networks->observe_switch("lab").value();
    EXPECT_TRUE(state.active());
    EXPECT_THAT(state.ports, UnorderedElementsAre("ve-one", "ve-two"));
}

TEST_F(Capsules, reach_the_world_masqueraded_and_only_through_the_uplink_if_one_is_given)
{
    auto const networks = open();
    auto lab = nat();
    lab.uplink = "wan";
    auto const world = make_neighbour("wan", "203.0.113");
    auto const office = make_neighbour("lan", "198.51.100");
    EXPECT_OK(networks->ensure_switch(lab));
    auto const one = capsule(*networks, plug("one", lab, 11));
    auto const server = listen(world, 80);
    auto const inner = listen(office, 80);

    EXPECT_EQ(reach(one, server, "203.0.113.2", 80), "203.0.113.1");
    EXPECT_TRUE(is_out_of_reach(one, inner, "198.51.100.2", 80));
    lab.uplink.clear();
    EXPECT_OK(networks->ensure_switch(lab));
    EXPECT_EQ(reach(one, inner, "198.51.100.2", 80), "198.51.100.1");
}

TEST_F(Capsules, of_different_switches_are_apart)
{
    auto const networks = open();
    auto const lab = nat();
    auto const shop = nat("shop", "10.88.1");
    EXPECT_OK(networks->ensure_switch(lab));
    EXPECT_OK(networks->ensure_switch(shop));
    auto const one = capsule(*networks, plug("one", lab, 11));
    auto const two = capsule(*networks, plug("two", shop, 12));
    auto const server = listen(two, 80);
    auto const host = listen("", 9000);

    EXPECT_TRUE(is_out_of_reach(one, server, "10.88.1.12", 80));
    EXPECT_TRUE(is_out_of_reach(one, host, "10.88.1.1", 9000)) << "the other switch's gateway belongs to those behind it";
    EXPECT_EQ(reach(two, host, "10.88.1.1", 9000), "10.88.1.12");
}

TEST_F(Capsules, of_two_novas_are_apart)
{
    auto const first = open("0000aaaa");
    auto const second = open("0000bbbb");
    auto const lab = nat();
    auto shop = nat("lab", "10.88.1");
    shop.bridge = "nv-other";
    EXPECT_OK(first->ensure_switch(lab));
    EXPECT_OK(second->ensure_switch(shop));
    auto const one = capsule(*first, plug("one", lab, 11));
    auto const two = capsule(*second, plug("two", shop, 12));
    auto const server = listen(two, 80);

    EXPECT_TRUE(is_out_of_reach(one, server, "10.88.1.12", 80));
    EXPECT_OK(first->sweep({}));
    EXPECT_EQ(reach("", server, "10.88.1.12", 80), "10.88.1.1") << "a sweep must not touch the other's";
    EXPECT_OK(first->remove_switch("lab"));
    EXPECT_TRUE(second->observe_switch("lab").value().active());
}

TEST_F(Capsules, on_an_internal_switch_go_nowhere)
{
    auto const networks = open();
    auto vault = nat("vault");
    vault.profile = Profile::internal;
    auto const world = make_neighbour("wan", "203.0.113");
    EXPECT_OK(networks->ensure_switch(vault));
    EXPECT_OK(sys::ensure_sysctl("net/ipv4/ip_forward", "1"));
    auto const one = capsule(*networks, plug("one", vault, 11));
    auto const two = capsule(*networks, plug("two", vault, 12));
    auto const server = listen(world, 80);
    auto const host = listen("", 9000);
    auto const neighbour = listen(two, 80);

    EXPECT_EQ(reach(one, neighbour, "10.88.0.12", 80), "10.88.0.11");
    EXPECT_TRUE(is_out_of_reach(one, server, "203.0.113.2", 80));
    EXPECT_TRUE(is_out_of_reach(one, host, "10.88.0.1", 9000));
    EXPECT_TRUE(is_out_of_reach(one, host, "203.0.113.1", 9000));
}

TEST_F(Capsules, are_reached_from_outside_only_at_published_ports)
{
    auto const networks = open();
    auto lab = nat();
    lab.ports = {publish(8080, "10.88.0.11", 80)};
    auto const world = make_neighbour("wan", "203.0.113");
    EXPECT_OK(networks->ensure_switch(lab));
    auto const one = capsule(*networks, plug("one", lab, 11));
    auto const two = capsule(*networks, plug("two", lab, 12));
    auto const server = listen(one, 80);
    run_in(world, {"ip", "route", "add", "10.88.0.0/24", "via", "203.0.113.1"});

    EXPECT_EQ(reach(world, server, "203.0.113.1", 8080), "203.0.113.2") << "the capsule sees who really calls";
    EXPECT_TRUE(is_out_of_reach(world, server, "10.88.0.11", 80)) << "not past the published port";
    EXPECT_NE(reach("", server, "203.0.113.1", 8080), "") << "from the host, at its outer address";
    EXPECT_NE(reach("", server, "127.0.0.1", 8080), "") << "from the host, at the loopback";
    EXPECT_NE(reach("", server, "10.88.0.1", 8080), "") << "from the host, at the gateway";
    EXPECT_NE(reach(two, server, "203.0.113.1", 8080), "") << "from a neighbour, by way of the host";
    // Where bridges call the firewall (br_netfilter), the bridge would have to send the packet back out of the port it came from.
    if (sys::exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))
        EXPECT_OK(sys::ensure_sysctl("net/bridge/bridge-nf-call-iptables", "0"));
    EXPECT_NE(reach(two, server, "203.0.113.1", 8080), "");
    EXPECT_NE(reach(one, server, "203.0.113.1", 8080), "") << "from the capsule itself";
}

TEST_F(Capsules, do_not_reach_the_loopback_of_the_host)
{
    auto const networks = open();
    auto lab = nat();
    lab.ports = {publish(8080, "10.88.0.11", 80)}; // Which turns route_localnet on.
    EXPECT_OK(networks->ensure_switch(lab));
    auto const one = capsule(*networks, plug("one", lab, 11));
    auto const secret = listen("", 9000);
    run_in(one, {"ip", "link", "set", "lo", "down"});
    run_in(one, {"sysctl", "-w", "net.ipv4.conf.all.route_localnet=1"});
    run_in(one, {"ip", "route", "flush", "table", "local"});
    run_in(one, {"ip", "route", "add", "127.0.0.1", "via", "10.88.0.1", "src", "10.88.0.11"});

    EXPECT_TRUE(is_out_of_reach(one, secret, "127.0.0.1", 9000));
    run_in("", {"nft", "flush", "ruleset"});
    run_in(one, {"ip", "route", "add", "local", "10.88.0.11", "dev", "eth0", "table", "local"});
    EXPECT_EQ(reach(one, secret, "127.0.0.1", 9000), "10.88.0.11") << "the test itself must be able to get there";
}

TEST_F(Capsules, keep_a_port_that_is_published_for_the_loopback_from_the_world)
{
    auto const networks = open();
    auto lab = nat();
    lab.ports = {publish(8080, "10.88.0.11", 80, "127.0.0.1")};
    auto const world = make_neighbour("wan", "203.0.113");
    EXPECT_OK(networks->ensure_switch(lab));
    auto const server = listen(capsule(*networks, plug("one", lab, 11)), 80);

    EXPECT_NE(reach("", server, "127.0.0.1", 8080), "");
    EXPECT_TRUE(is_out_of_reach(world, server, "203.0.113.1", 8080));
}

TEST_F(Capsules, are_reached_again_after_bridge_and_rules_were_deleted_by_hand)
{
    auto const networks = open();
    auto lab = nat();
    lab.ports = {publish(8080, "10.88.0.11", 80)};
    auto const world = make_neighbour("wan", "203.0.113");
    EXPECT_OK(networks->ensure_switch(lab));
    auto const plan = plug("one", lab, 11);
    auto const one = capsule(*networks, plan);
    auto const server = listen(one, 80);
    auto const before = dump();

    EXPECT_OK(delete_link(lab.bridge));
    EXPECT_OK(sys::run_nftables(R"({"nftables":[{"flush":{"ruleset":null}}]})"));
    EXPECT_FALSE(networks->observe_switch("lab").value().active());
    auto const later = open();
    auto const kept_switches = later->list_switches().value();
    EXPECT_THAT(kept_switches, testing::SizeIs(1));
    for (const auto& kept : kept_switches)
        EXPECT_OK(later->ensure_switch(kept));

    EXPECT_TRUE(later->observe_switch("lab").value().active());
    EXPECT_EQ(reach(world, server, "203.0.113.1", 8080), "203.0.113.2");
    EXPECT_EQ(capsule(*later, plan), one);
}

TEST_F(Capsules, get_their_link_back_when_it_was_deleted_by_hand)
{
    auto const networks = open();
    auto const lab = nat();
    EXPECT_OK(networks->ensure_switch(lab));
    auto const plan = plug("one", lab, 11);
    auto const server = listen(capsule(*networks, plan), 80);

    EXPECT_OK(delete_link(plan.link));
    auto const again = capsule(*networks, plan);
    EXPECT_EQ(reach("", server, "10.88.0.11", 80), "10.88.0.1") << "the namespace, and what runs in it, is the same";

    auto moved = plan;
    moved.address = "10.88.0.44/24";
    EXPECT_EQ(capsule(*networks, moved), again);
    EXPECT_EQ(reach("", server, "10.88.0.44", 80), "10.88.0.1");
    EXPECT_TRUE(is_out_of_reach("", server, "10.88.0.11", 80));
}

TEST_F(Playground, is_left_as_it_was_when_everything_is_removed)
{
    auto const networks = open();
    make_neighbour("wan", "203.0.113");
    EXPECT_OK(sys::run_nftables(R"({"nftables":[{"add":{"table":{"family":"inet","name":"theirs"}}}]})"));
    auto const before = dump();
    auto lab = nat();
    lab.ports = {publish(8080, "10.88.0.11", 80)};
    auto const one = plug("one", lab, 11);
    auto machine = plug("probe", lab, 12);
    EXPECT_OK(networks->ensure_switch(lab));
    EXPECT_OK(networks->ensure_capsule(one));
    EXPECT_OK(networks->ensure_tap(machine));
    EXPECT_NE(dump(), before);

    for (int round = 0; round < 2; ++round) {
        EXPECT_OK(networks->remove_endpoint(one));
        EXPECT_OK(networks->remove_endpoint(machine));
        EXPECT_OK(networks->remove_switch("lab"));
        EXPECT_EQ(dump(), before);
    }
    EXPECT_FALSE(sys::exists(root + "/0000aaaa/run/netns/pod.default.one"));
    EXPECT_FALSE(sys::exists(root + "/0000aaaa/networks/lab.json"));
    EXPECT_FALSE(sys::exists(root + "/0000aaaa/run/dns/lab"));
}

TEST_F(Playground, is_not_changed_by_a_second_ensure)
{
    auto const networks = open();
    auto lab = nat();
    lab.ports = {publish(8080, "10.88.0.11", 80)};
    lab.stp = true;
    auto const one = plug("one", lab, 11);
    auto const machine = plug("probe", lab, 12);
    auto const all = [&] {
        EXPECT_OK(networks->ensure_switch(lab));
        EXPECT_OK(networks->ensure_capsule(one));
        EXPECT_OK(networks->ensure_tap(machine));
    };
    all();
    ChangeListener changes;
    changes.settle();
    all();
    EXPECT_OK(networks->sweep({one, machine}));
    EXPECT_EQ(changes.count(), 0);

    run_in("", {"nft", "flush", "chain", "inet", "nova_0000aaaa", "forward"});
    EXPECT_FALSE(networks->observe_switch("lab").value().rules) << "single rules that are missing are noticed";
    EXPECT_OK(networks->ensure_switch(lab));
    EXPECT_TRUE(networks->observe_switch("lab").value().rules);
}

TEST_F(Playground, keeps_links_that_are_somebody_elses)
{
    auto const networks = open();
    auto const lab = nat();
    auto netlink = sys::Netlink::open().value();
    EXPECT_OK(sys::create_bridge(netlink, {lab.bridge, "", "", false}));
    auto const before = dump();

    auto const status = networks->ensure_switch(lab);
    EXPECT_TRUE(base::failed_with(status, Code::already_exists)) << status.error().message();
    EXPECT_OK(networks->remove_switch("lab"));
    EXPECT_OK(networks->sweep({}));
    EXPECT_EQ(dump(), before);
    EXPECT_FALSE(sys::exists(root + "/0000aaaa/networks/lab.json"));

    auto const shop = nat("shop");
    EXPECT_OK(networks->ensure_switch(shop));
    auto stranger = plug("one", shop, 11);
    stranger.link = lab.bridge;
    EXPECT_TRUE(base::failed_with(networks->ensure_capsule(stranger), Code::already_exists));
    EXPECT_TRUE(base::failed_with(networks->ensure_tap(stranger), Code::already_exists));
    EXPECT_TRUE(base::failed_with(networks->remove_endpoint(stranger), Code::already_exists));
}

TEST_F(Playground, is_swept_clean_of_what_a_crash_left)
{
    auto const networks = open();
    auto const before = dump();
    auto const lab = nat();
    auto const one = plug("one", lab, 11);
    EXPECT_OK(networks->ensure_switch(lab));
    EXPECT_OK(networks->ensure_capsule(one));
    EXPECT_OK(networks->ensure_tap(plug("probe", lab, 12)));
    EXPECT_OK(networks->sweep({one}));
    EXPECT_THAT(networks->observe_switch("lab").value().ports, ElementsAre("ve-one"));

    EXPECT_OK(sys::remove_file(root + "/0000aaaa/networks/lab.json"));
    EXPECT_OK(sys::replace_file(root + "/0000aaaa/networks/lab.json.new-0badcafe", "{")); // A kill in the middle of its writing.
    EXPECT_OK(networks->sweep({}));

    EXPECT_EQ(dump(), before);
    for (const auto* place : {"networks", "run/netns", "run/dns"})
        EXPECT_THAT(sys::list_directory(root + "/0000aaaa/" + place).value(), testing::IsEmpty()) << place;
}

TEST_F(Playground, loses_no_switch_to_a_broken_state_file)
{
    auto const networks = open();
    EXPECT_OK(networks->ensure_switch(nat("lab")));
    EXPECT_OK(networks->ensure_switch(nat("shop", "10.88.1")));
    EXPECT_OK(sys::write_file_atomically(root + "/0000aaaa/networks/lab.json", "{\"version\":1,\"name\":\"../..\""));

    EXPECT_THAT(networks->list_switches().value(), testing::SizeIs(1));
    ASSERT_THAT(networks->list_broken(), testing::SizeIs(1));
    EXPECT_THAT(networks->list_broken()[0].message(), HasSubstr("networks/lab.json"));
    EXPECT_OK(networks->sweep({}));
    auto netlink = sys::Netlink::open().value();
    EXPECT_TRUE(sys::find_link(netlink, "nv-lab").value()) << "what the broken file stands for stays";
    EXPECT_OK(networks->ensure_switch(nat("lab")));
    EXPECT_TRUE(networks->list_broken().empty());
}

TEST_F(Playground, refuses_a_subnet_that_the_host_reaches_otherwise)
{
    auto const networks = open();
    make_neighbour("wan", "10.88.0");
    auto const taken = networks->ensure_switch(nat());
    EXPECT_TRUE(base::failed_with(taken, Code::failed_precondition));
    EXPECT_THAT(taken.error().message(), HasSubstr("wan"));

    EXPECT_TRUE(networks->list_switches().value().empty());
}

TEST_F(Playground, knows_which_ports_are_to_be_had)
{
    auto const networks = open();
    auto shop = nat("shop", "10.88.1");
    auto const web = publish(8080, "10.88.1.11", 80);
    {
        auto const busy = listen("", 8080);
        auto const status = networks->check_port("shop", web);
        EXPECT_TRUE(base::failed_with(status, Code::failed_precondition));
        EXPECT_THAT(status.error().message(), HasSubstr("8080/tcp"));
        auto udp = web;
        udp.protocol = "udp";
        EXPECT_OK(networks->check_port("shop", udp));
        EXPECT_OK(networks->check_port("shop", publish(8081, "10.88.1.11", 80)));
    }
    EXPECT_OK(networks->check_port("shop", web)); // It is free again.
    EXPECT_TRUE(
        base::failed_with(networks->check_port("shop", publish(80, "10.88.1.11", 80, "192.0.2.1")), Code::failed_precondition))
        << "this host has no such address";
    shop.ports = {web};
    EXPECT_OK(networks->ensure_switch(shop));
    auto const late = listen("", 8080);
    EXPECT_OK(networks->check_port("shop", web)); // It is published: whoever comes later gets nothing of it.
    EXPECT_FALSE(networks->check_port("shop", publish(8080, "10.88.1.12", 80)).ok());
}

TEST_F(Playground, lends_interfaces_to_an_external_switch_and_gets_them_back)
{
    auto const networks = open();
    auto const world = make_neighbour("wan", "203.0.113");
    SwitchPlan plan;
    plan.name = "street";
    plan.bridge = "nv-street";
    plan.profile = Profile::external;
    plan.interfaces = {"wan"};
    auto const refused = networks->ensure_switch(plan);
    EXPECT_TRUE(base::failed_with(refused, Code::failed_precondition)) << "it has an address";

    auto netlink = sys::Netlink::open().value();
    EXPECT_OK(sys::remove_address(netlink, sys::get_link(netlink, "wan").value().index, "203.0.113.1/24"));
    auto const before = dump();
    EXPECT_OK(networks->ensure_switch(plan));
    EndpointPlan plug{"pod.default.one", plan.bridge, "ve-one", "52:54:00:00:00:11", "203.0.113.7/24", ""};
    auto const server = listen(networks->ensure_capsule(plug).value(), 80);
    EXPECT_EQ(reach(world, server, "203.0.113.7", 80), "203.0.113.2");
    EXPECT_FALSE(networks->service("street").value());

    EXPECT_OK(networks->remove_endpoint(plug));
    EXPECT_OK(networks->remove_switch("street"));
    EXPECT_EQ(dump(), before);
}

} // namespace nova::network
