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
}

TEST(Deadline, tells_poll_how_long_to_wait)
{
    EXPECT_EQ(Deadline::never().poll_timeout_ms(), -1);
    EXPECT_EQ(Deadline::after(0s).poll_timeout_ms(), 0);
    auto const left = Deadline::after(10s).poll_timeout_ms();
    EXPECT_GT(left, 9'000);
    EXPECT_LE(left, 10'000);
    EXPECT_TRUE(Deadline::after(0s).passed());
}

} // namespace
} // namespace nova::base
