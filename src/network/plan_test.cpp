#include "network/plan.h"

#include <gmock/gmock.h>

#include "network/mark.h"
#include "network/rules.h"

namespace nova::network {

using base::Code;
using testing::HasSubstr;

namespace {

SwitchPlan whole()
{
    SwitchPlan plan;
    plan.name = "lab";
    plan.bridge = "nv-lab";
    plan.subnet = "10.88.0.0/24";
    plan.gateway = "10.88.0.1";
    plan.dhcp_first = "10.88.0.100";
    plan.dhcp_last = "10.88.0.200";
    plan.uplink = "eth7";
    plan.hosts = {{"web", "10.88.0.11", "52:54:00:00:00:01"}};
    plan.ports = {{"", 8080, "10.88.0.11", 80, "tcp"}, {"127.0.0.1", 53, "10.88.0.11", 53, "udp"}};
    return plan;
}

bool same(const SwitchPlan& a, const SwitchPlan& b) { return print_plan(a) == print_plan(b); }

template <typename Change>
std::string refusal(Change&& change)
{
    auto plan = whole();
    change(plan);
    auto const status = check_plan(plan);
    return status.ok() ? "accepted" : status.error().message();
}

} // namespace

TEST(SwitchPlan, is_read_back_as_it_was_written)
{
    auto const read = parse_plan(print_plan(whole()));
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_TRUE(same(read.value(), whole()));
    EXPECT_EQ(read.value().hosts, whole().hosts);
    EXPECT_EQ(read.value().ports, whole().ports);
}

TEST(SwitchPlan, in_a_damaged_or_hostile_file_is_refused)
{
    for (const auto* text : {"", "{", "[]", "null", "{}", R"({"version":2,"name":"lab"})", R"({"version":1,"name":7})",
                             R"({"version":1,"name":"../x","bridge":"b","subnet":"10.0.0.0/24","gateway":"10.0.0.1"})",
                             R"({"version":1,"name":"lab","bridge":"b;reboot","profile":"other"})",
                             R"({"version":1,"name":"lab","bridge":"b","profile":"nat","hosts":{"a":1}})",
                             R"({"version":1,"name":"lab","bridge":"b","profile":"nat","ports":[{"host_port":"x"}]})"})
        EXPECT_TRUE(base::failed_with(parse_plan(text), Code::invalid_argument)) << text;
    auto const text = print_plan(whole());
    for (std::size_t size = 0; size + 2 < text.size(); ++size)
        EXPECT_FALSE(parse_plan(text.substr(0, size)).ok()) << "torn after " << size;
}

TEST(SwitchPlan, is_refused_with_the_field_that_is_wrong)
{
    EXPECT_THAT(refusal([](auto& plan) { plan.name = "Lab"; }), HasSubstr("name"));
    EXPECT_THAT(refusal([](auto& plan) { plan.bridge = "much-too-long-name"; }), HasSubstr("bridge"));
    EXPECT_THAT(refusal([](auto& plan) { plan.bridge = "a/b"; }), HasSubstr("bridge"));
    EXPECT_THAT(refusal([](auto& plan) { plan.uplink = "a b"; }), HasSubstr("uplink"));
    EXPECT_THAT(refusal([](auto& plan) { plan.subnet = "10.88.0.0/31"; }), HasSubstr("subnet"));
    EXPECT_THAT(refusal([](auto& plan) { plan.gateway = "10.89.0.1"; }), HasSubstr("gateway"));
    EXPECT_THAT(refusal([](auto& plan) { plan.dhcp_last = "10.88.0.2"; }), HasSubstr("dhcp_range"));
    EXPECT_THAT(refusal([](auto& plan) { plan.dhcp_last = "10.88.0.255"; }), HasSubstr("dhcp_range"));
    EXPECT_THAT(refusal([](auto& plan) { plan.hosts[0].name = "a\n10.0.0.1 b"; }), HasSubstr("hosts"));
    EXPECT_THAT(refusal([](auto& plan) { plan.hosts[0].mac = "52:54:00:00:00:01,set:x"; }), HasSubstr("hosts"));
    EXPECT_THAT(refusal([](auto& plan) { plan.ports[0].protocol = "sctp"; }), HasSubstr("ports"));
    EXPECT_THAT(refusal([](auto& plan) { plan.ports[1] = plan.ports[0]; }), HasSubstr("8080/tcp is published twice"));
    EXPECT_THAT(refusal([](auto& plan) { plan.ports[0].address = "192.0.2.1"; }), HasSubstr("ports"));
}

TEST(SwitchPlan, does_not_fit_beside_one_that_has_the_same)
{
    auto other = whole();
    other.name = "shop";
    auto const clash = [&](const SwitchPlan& plan) {
        auto const status = check_beside(plan, {other});
        return status.ok() ? "fits" : status.error().message();
    };
    auto plan = whole();
    EXPECT_THAT(clash(plan), HasSubstr("bridge nv-lab belongs to network shop"));
    plan.bridge = "nv-2";
    EXPECT_THAT(clash(plan), HasSubstr("overlaps"));
    plan.subnet = "10.88.1.0/24";
    EXPECT_THAT(clash(plan), HasSubstr("port 8080/tcp belongs to network shop"));
    plan.ports = {{"127.0.0.2", 53, "10.88.1.11", 53, "udp"}};
    EXPECT_EQ(clash(plan), "fits") << "another address of this host";
    EXPECT_TRUE(check_beside(whole(), {whole()}).ok()) << "itself, of before";
}

TEST(EndpointPlan, becomes_no_path_and_no_mark_but_its_own)
{
    EndpointPlan plan{"pod.default.web", "nv-lab", "ve-1", "52:54:00:00:00:01", "10.88.0.11/24", "10.88.0.1"};
    EXPECT_TRUE(check_plan(plan).ok());
    for (const auto* id : {"", ".", "../x", "a/b", "a:b", "a b"}) {
        plan.id = id;
        EXPECT_FALSE(check_plan(plan).ok()) << id;
    }
}

TEST(Mark, tells_ours_from_others)
{
    EndpointPlan plan{"pod.default.web", "nv-lab", "ve-1", "52:54:00:00:00:01", "10.88.0.11/24", "10.88.0.1"};
    auto const port = parse_mark("0a", port_mark("0a", plan)).value();
    EXPECT_EQ(port.kind, Mark::Kind::port);
    EXPECT_EQ(port.name, plan.id);
    EXPECT_EQ(port.bridge, "nv-lab");
    EXPECT_EQ(parse_mark("0a", switch_mark("0a", "lab"))->name, "lab");
    EXPECT_FALSE(parse_mark("0b", port_mark("0a", plan)));
    for (const auto* alias : {"", "nova", "nova:0a", "nova:0a:switch", "nova:0a:switch:lab:x", "my nova:0a:switch:lab"})
        EXPECT_FALSE(parse_mark("0a", alias)) << alias;
    auto moved = plan;
    moved.address = "10.88.0.12/24";
    EXPECT_NE(port_mark("0a", moved), port_mark("0a", plan)) << "a plug that changes is seen in its mark";
}

TEST(Rules, are_the_same_whatever_the_order_of_the_plans)
{
    auto shop = whole();
    shop.name = "shop";
    shop.bridge = "nv-shop";
    shop.subnet = "10.88.1.0/24";
    shop.ports.clear();
    auto const rules = plan_rules("0a", {whole(), shop});
    EXPECT_EQ(rules.commands, plan_rules("0a", {shop, whole()}).commands);
    EXPECT_FALSE(rules.stamp.empty());
    EXPECT_NE(rules.stamp, plan_rules("0a", {whole()}).stamp);
    EXPECT_TRUE(plan_rules("0a", {}).commands.empty());
}

TEST(Rules, name_no_table_but_ours_and_begin_with_replacing_it)
{
    auto const rules = nlohmann::json::parse(plan_rules("0a", {whole()}).commands)["nftables"];
    EXPECT_EQ(rules[0].dump(), R"({"add":{"table":{"family":"inet","name":"nova_0a"}}})");
    EXPECT_EQ(rules[1].dump(), R"({"delete":{"table":{"family":"inet","name":"nova_0a"}}})");
    for (std::size_t i = 3; i < rules.size(); ++i)
        EXPECT_EQ(rules[i].at("add").begin()->at("table"), "nova_0a");
}

TEST(Rules, are_found_by_their_stamp_only_while_all_are_there)
{
    auto const listing = [](int rules) {
        auto objects = nlohmann::json::array({{{"table", {{"name", "nova_0a"}}}}});
        for (int i = 1; i < rules; ++i)
            objects.push_back({{"rule", {{"chain", "forward"}}}});
        objects.push_back({{"rule", {{"chain", "stamp"}, {"comment", "plan 12 rules 3"}}}});
        return nlohmann::json{{"nftables", objects}}.dump();
    };
    EXPECT_EQ(find_stamp(listing(3)), "plan 12 rules 3");
    EXPECT_EQ(find_stamp(listing(2)), "");
    EXPECT_EQ(find_stamp(listing(4)), "");
    EXPECT_EQ(find_stamp("not json"), "");
}

} // namespace nova::network
