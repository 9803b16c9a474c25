#include "runtime/rdt_schema.h"

#include <gtest/gtest.h>

namespace nova::runtime {
namespace {

TEST(Schemata, are_written_caches_first_then_bandwidth_then_the_rest)
{
    model::oci::IntelRdt wish;
    EXPECT_EQ(schemata_text(wish), "");
    wish.mem_bw_schema = "MB:0=20;1=70";
    wish.schemata = {"L2:0=f", "MB:0=30"};
    wish.l3_cache_schema = "L3:0=7f0;1=1f";
    EXPECT_EQ(schemata_text(wish), "L3:0=7f0;1=1f\nMB:0=20;1=70\nL2:0=f\nMB:0=30\n");
}

TEST(Schemata, take_no_bandwidth_from_the_schema_of_caches)
{
    model::oci::IntelRdt wish;
    wish.l3_cache_schema = "L3:0=f\nMB:0=10\nL3CODE:1=3";
    EXPECT_EQ(schemata_text(wish), "L3:0=f\nL3CODE:1=3\n");
}

TEST(Schemata, are_compared_by_value_and_cache_and_not_by_spelling)
{
    constexpr auto held = "    L3:0=7f0;1=01f\n    MB:0= 20;1=100\n";
    EXPECT_EQ(schema_difference("L3:1=1F;0=7f0", held, 0), "");
    EXPECT_EQ(schema_difference("L3:1=001f", held, 0), "") << "a cache that is not named may have any value";
    EXPECT_EQ(schema_difference("MB:0=20\nL3:0=7f0", held, 0), "");
    EXPECT_EQ(schema_difference("", held, 0), "");
    EXPECT_EQ(schema_difference("L3:0=7f0;1=0f", held, 0), "L3:1 is 1f, not f");
    EXPECT_EQ(schema_difference("L3:2=1", held, 0), "L3:2 is not there");
    EXPECT_EQ(schema_difference("L2:0=1", held, 0), "L2:0 is not there");
    EXPECT_EQ(schema_difference("MB:0=0", "MB:0=0", 0), "");
}

TEST(Schemata, know_that_the_kernel_rounds_bandwidth_up)
{
    EXPECT_EQ(schema_difference("MB:0=13;1=20", "MB:0=20;1=20", 10), "");
    EXPECT_EQ(schema_difference("MB:0=13", "MB:0=20", 0), "MB:0 is 20, not 13");
    EXPECT_EQ(schema_difference("MB:0=33", "MB:0=30", 10), "MB:0 is 30, not 33");
    EXPECT_EQ(schema_difference("L3:0=3", "L3:0=a", 10), "L3:0 is a, not 3") << "masks are not rounded";
}

} // namespace
} // namespace nova::runtime
