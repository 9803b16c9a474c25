#include "network/subnet.h"

#include <gmock/gmock.h>

namespace nova::network {

TEST(PickedSubnet, is_the_first_that_nothing_overlaps)
{
    EXPECT_EQ(pick_subnet({}, {}).value(), "10.88.0.0/24");
    EXPECT_EQ(pick_subnet({"10.88.0.1/24"}, {"10.88.1.0/25", "0.0.0.0/0", "fe80::/64", "::/0"}).value(), "10.88.2.0/24");
    EXPECT_EQ(pick_subnet({}, {"10.88.0.0/16"}).value(), "10.89.0.0/24");
    EXPECT_TRUE(base::failed_with(pick_subnet({}, {"10.0.0.0/8"}), base::Code::resource_exhausted));
}

TEST(PlannedSubnet, must_not_be_reached_by_another_link)
{
    sys::Link bridge;
    bridge.index = 7;
    bridge.name = "nv-lab";
    sys::Link lan;
    lan.index = 2;
    lan.name = "eth0";
    std::vector<sys::Route> routes{{"0.0.0.0/0", "192.0.2.1", 2, 254}, {"10.88.0.0/24", "", 7, 254}};
    EXPECT_TRUE(check_routes("10.88.0.0/24", "nv-lab", routes, {bridge, lan}).ok());
    routes.push_back({"10.88.0.128/25", "", 2, 254});
    auto const status = check_routes("10.88.0.0/24", "nv-lab", routes, {bridge, lan});
    ASSERT_TRUE(base::failed_with(status, base::Code::failed_precondition));
    EXPECT_THAT(status.error().message(), testing::HasSubstr("10.88.0.128/25 is reached by eth0"));
}

} // namespace nova::network
