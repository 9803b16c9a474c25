#include "apps/nova/cli/changes.h"

#include <gtest/gtest.h>

namespace nova::app {
namespace {

using nlohmann::json;

json object(const std::string& kind, const std::string& name, json spec)
{
    return {{"kind", kind}, {"metadata", {{"name", name}, {"namespace", "default"}}}, {"spec", std::move(spec)}};
}

TEST(Plan, makes_what_is_missing_in_the_order_it_needs_and_removes_the_other_way_round)
{
    auto const plan = plan_changes({object("Pod", "web", {}), object("Network", "lab", {}), object("Image", "web-latest", {})},
                                   {object("Network", "old", {}), object("Pod", "gone", {})});
    ASSERT_EQ(plan.size(), 5u);
    EXPECT_EQ(plan[0].key.kind, "Image");
    EXPECT_EQ(plan[1].key.kind, "Network");
    EXPECT_EQ(plan[2].key.kind, "Pod");
    EXPECT_EQ(plan[3].key, (model::Key{"Pod", "default", "gone"}));
    EXPECT_EQ(plan[3].effect, Effect::remove);
    EXPECT_EQ(plan[4].key.name, "old");
}

TEST(Plan, tells_a_change_under_way_from_a_restart_and_a_new_beginning)
{
    auto const effect = [](const json& before, const json& after, const std::string& kind = "Pod") {
        return plan_changes({object(kind, "x", after)}, {object(kind, "x", before)}).front().effect;
    };
    json const pod{{"running", true}, {"network", "lab"}, {"containers", {{{"image", "a"}, {"ports", json::array()}}}}};
    EXPECT_EQ(effect(pod, pod), Effect::none);

    auto changed = pod;
    changed["containers"][0]["ports"] = {{{"hostPort", 80}}};
    EXPECT_EQ(effect(pod, changed), Effect::hot);
    changed["containers"][0]["image"] = "b";
    EXPECT_EQ(effect(pod, changed), Effect::restart);
    changed["network"] = "other";
    EXPECT_EQ(effect(pod, changed), Effect::recreate);
    EXPECT_EQ(effect({{"subnet", "10.0.0.0/24"}}, {{"subnet", "10.0.1.0/24"}}, "Network"), Effect::recreate);
}

TEST(Plan, makes_the_workloads_of_a_network_anew_with_it)
{
    json const pod{{"network", "lab"}};
    auto const plan = plan_changes({object("Network", "lab", {{"subnet", "10.0.1.0/24"}}), object("Pod", "web", pod)},
                                   {object("Network", "lab", {{"subnet", "10.0.0.0/24"}}), object("Pod", "web", pod)});
    ASSERT_EQ(plan.size(), 2u);
    EXPECT_EQ(plan[0].effect, Effect::recreate);
    EXPECT_EQ(plan[1].effect, Effect::recreate);
}

TEST(Plan, makes_anew_what_is_being_removed)
{
    auto going = object("Network", "lab", {});
    going["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z";
    EXPECT_EQ(plan_changes({object("Network", "lab", {})}, {going}).front().effect, Effect::recreate);
}

TEST(Plan, patches_only_what_differs)
{
    auto const plan = plan_changes({object("VirtualMachine", "vm", {{"cpu", 4}, {"memory", "1Gi"}})},
                                   {object("VirtualMachine", "vm", {{"cpu", 2}, {"memory", "1Gi"}, {"mac", "x"}})});
    EXPECT_EQ(replacing_patch(plan.front()), (json{{"spec", {{"cpu", 4}, {"mac", nullptr}}}}));
}

TEST(Plan, names_each_field_that_differs)
{
    auto const plan = plan_changes({object("VirtualMachine", "vm", {{"cpu", 4}, {"memory", "1Gi"}})},
                                   {object("VirtualMachine", "vm", {{"cpu", 2}, {"memory", "1Gi"}, {"mac", "x"}})});
    ASSERT_EQ(plan.front().fields.size(), 2u);
    EXPECT_EQ(plan.front().fields[0].path, "spec.cpu");
    EXPECT_EQ(plan.front().fields[0].before, "2");
    EXPECT_EQ(plan.front().fields[0].after, "4");
    EXPECT_EQ(plan.front().fields[1].path, "spec.mac");
    EXPECT_EQ(plan.front().fields[1].after, "");
}

} // namespace
} // namespace nova::app
