#include "runtime/limits.h"

#include <gtest/gtest.h>

namespace nova::runtime {
namespace {

TEST(Limits, make_a_usual_weight_of_usual_shares)
{
    EXPECT_EQ(weight_of_shares(1024), 100u);
    for (auto const& [shares, weight] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
             {1, 1}, {2, 1}, {3, 2}, {100, 17}, {512, 59}, {2048, 174}, {260000, 9929}, {262144, 10000}, {UINT64_MAX, 10000}})
        EXPECT_EQ(weight_of_shares(shares), weight) << shares;
}

TEST(Limits, keep_no_swap_where_memory_has_no_limit)
{
    model::oci::Resources resources;
    resources.memory.swap = 0;
    EXPECT_EQ(meant_limits(resources).value().memory.swap, 0);
    resources.memory.limit = 0;
    EXPECT_EQ(meant_limits(resources).value().memory.swap, std::nullopt) << "left alone";
}

} // namespace
} // namespace nova::runtime
