#include "runtime/event_options.h"

#include <gtest/gtest.h>

namespace nova::runtime {
namespace {

using std::chrono::microseconds;
using namespace std::chrono_literals;

TEST(EventOptions, read_a_time_as_runc_does)
{
    EXPECT_EQ(parse_duration("5s").value(), microseconds{5s});
    EXPECT_EQ(parse_duration("500ms").value(), microseconds{500ms});
    EXPECT_EQ(parse_duration("1m30s").value(), microseconds{90s});
    EXPECT_EQ(parse_duration("2").value(), microseconds{2s});
    EXPECT_EQ(parse_duration("24h").value(), microseconds{24h});
    for (const char* const text : {"", "0s", "-1s", "s", "5x", "25h", "1s30", "1.5s", "99999999999999999999s", "5s,"})
        EXPECT_FALSE(parse_duration(text).ok()) << text;
}

TEST(EventOptions, read_which_pressure_is_wished_for)
{
    auto const wishes = parse_pressure("memory,io:full:200ms/2s").value();
    ASSERT_EQ(wishes.size(), 2u);
    EXPECT_EQ(wishes[0].resource, "memory");
    EXPECT_EQ(wishes[0].level.share, "some");
    EXPECT_EQ(wishes[1].level.share, "full");
    EXPECT_EQ(wishes[1].level.stall, microseconds{200ms});
    EXPECT_EQ(wishes[1].level.window, microseconds{2s});
    for (const char* const text :
         {"", "disk", "memory:none", "memory:some:1s", "memory:some:1s/", "memory,", "memory:some:1s/2s:x"})
        EXPECT_FALSE(parse_pressure(text).ok()) << text;
}

} // namespace
} // namespace nova::runtime
