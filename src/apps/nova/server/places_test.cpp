#include "apps/nova/server/places.h"

#include <gtest/gtest.h>

namespace nova::app {
namespace {

TEST(Layout, lies_below_the_root_that_is_given)
{
    auto const layout = find_layout("/srv/lab/").value();
    EXPECT_EQ(layout.socket, "/srv/lab/run/nova.sock");
    EXPECT_EQ(layout.state, "/srv/lab/state");
    EXPECT_EQ(layout.networks, "/srv/lab/state/networks");
    EXPECT_EQ(layout.cgroup, "/nova-" + layout.instance);
    EXPECT_NE(layout.instance, find_layout("/srv/other").value().instance);
}

TEST(Layout, of_the_system_s_own_nova_is_that_of_its_units)
{
    for (const auto* root : {"/", "//", "/srv/.."}) {
        auto const layout = find_layout(root).value();
        EXPECT_EQ(layout.socket, "/run/nova/nova.sock") << root << ": as packaging/nova.socket has it";
        EXPECT_EQ(layout.state, "/var/lib/nova") << root;
        EXPECT_EQ(layout.cgroup, "/nova") << root;
        EXPECT_EQ(layout.root, "/") << root << ": a daemon that is started for it gets it too";
    }
}

} // namespace
} // namespace nova::app
