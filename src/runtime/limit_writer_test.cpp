#include "runtime/limit_writer.h"

#include <gtest/gtest.h>

namespace nova::runtime {
namespace {

TEST(LimitWriter, sets_a_single_value_back_as_it_was)
{
    EXPECT_EQ(text_that_restores("memory.max", "4096", "max\n"), "max");
    EXPECT_EQ(text_that_restores("cpu.max", "10000 50000", "max 100000\n"), "max 100000");
    EXPECT_EQ(text_that_restores("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), "0");
}

TEST(LimitWriter, empties_what_was_empty_with_a_line_since_no_bytes_reach_no_kernel)
{
    EXPECT_EQ(text_that_restores("cpuset.cpus", "0-1", "\n"), "\n");
}

TEST(LimitWriter, sets_the_line_of_the_same_device_back)
{
    constexpr auto before = "7:0 rbps=1 wbps=max riops=max wiops=max\n8:0 rbps=2 wbps=max riops=max wiops=max\n";
    EXPECT_EQ(text_that_restores("io.max", "8:0 rbps=9", before), "8:0 rbps=2 wbps=max riops=max wiops=max");
    EXPECT_EQ(text_that_restores("io.weight", "50", "default 100\n8:0 7\n"), "default 100");
    EXPECT_EQ(text_that_restores("io.bfq.weight", "77", "100\n"), "100");
}

TEST(LimitWriter, lifts_the_limit_of_a_device_that_had_none)
{
    EXPECT_EQ(text_that_restores("io.max", "8:0 rbps=9", "\n"), "8:0 rbps=max wbps=max riops=max wiops=max");
    EXPECT_EQ(text_that_restores("blkio.throttle.read_bps_device", "8:0 9", "7:0 3\n"), "8:0 0");
    EXPECT_EQ(text_that_restores("io.bfq.weight", "8:0 9", "default 100\n"), "8:0 default");
}

} // namespace
} // namespace nova::runtime
