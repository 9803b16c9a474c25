#include "vm/names.h"

#include <gtest/gtest.h>

namespace nova::vm {
namespace {

TEST(Names, give_a_machine_the_same_mac_each_time)
{
    // Fixed for ever: machines keep their address over an upgrade.
    EXPECT_EQ(derive_mac("default", "probe"), derive_mac("default", "probe"));
    EXPECT_EQ(derive_mac("default", "probe"), "52:54:e5:8b:c1:67");
    EXPECT_NE(derive_mac("default", "probe"), derive_mac("other", "probe"));
}

TEST(Names, of_taps_fit_the_kernel_and_differ_between_roots)
{
    auto const name = derive_tap_name("/var/lib/nova", "default", std::string(63, 'a'));
    EXPECT_LE(name.size(), 15u);
    EXPECT_NE(name, derive_tap_name("/tmp/other", "default", std::string(63, 'a')));
}

} // namespace
} // namespace nova::vm
