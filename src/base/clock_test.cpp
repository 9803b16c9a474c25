#include "base/clock.h"

#include <gtest/gtest.h>

namespace nova::base {
namespace {

using namespace std::chrono_literals;

TEST(Clock, writes_rfc3339_with_the_asked_digits)
{
    SystemTime const time{1'000'000'000s + 123'456'789ns};
    EXPECT_EQ(to_rfc3339(time), "2001-09-09T01:46:40Z");
    EXPECT_EQ(to_rfc3339(time, 9), "2001-09-09T01:46:40.123456789Z");
    EXPECT_EQ(to_rfc3339(time, 3), "2001-09-09T01:46:40.123Z");
    EXPECT_EQ(to_rfc3339(SystemTime{}), "1970-01-01T00:00:00Z");
    EXPECT_EQ(to_rfc3339(SystemTime{1'709'164'800s + 5ns}, 9), "2024-02-29T00:00:00.000000005Z");
    EXPECT_EQ(to_rfc3339(SystemTime{-1s}), "1969-12-31T23:59:59Z");
}

TEST(Clock, reads_back_what_it_wrote)
{
    SystemTime const time{1'000'000'000s + 123'456'789ns};
    EXPECT_EQ(parse_rfc3339(to_rfc3339(time, 9)).value(), time);
    EXPECT_EQ(parse_rfc3339("2001-09-09T03:46:40+02:00").value(), SystemTime{1'000'000'000s});
    for (auto const* text :
         {"", "yesterday", "2001-09-09", "2001-09-09T01:46:40", "2001-09-09T01:46:40Zx", "2001-09-09T01:46:40+2"})
        EXPECT_FALSE(parse_rfc3339(text).ok()) << text;
}

TEST(Deadline, tells_poll_how_long_to_wait)
{
    EXPECT_EQ(Deadline::never().poll_timeout_ms(), -1);
    EXPECT_EQ(Deadline::after(0s).poll_timeout_ms(), 0);
    auto const left = Deadline::after(1h).poll_timeout_ms();
    EXPECT_GT(left, 3'500'000);
    EXPECT_LE(left, 3'600'000);
    EXPECT_TRUE(Deadline::after(0s).passed());
}

} // namespace
} // namespace nova::base
