#include "runtime/kept_limits.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include "runtime/cgroup_values.h"

namespace nova::runtime {
namespace {

class KeptLimitsTest : public testing::Test {
protected:
    void TearDown() override { ASSERT_TRUE(group_.remove(base::Deadline::after(std::chrono::seconds{30})).ok()); }

    bool unified_ = sys::cgroup_layout() == sys::CgroupLayout::unified;
    sys::Cgroup group_ =
        sys::Cgroup::create("/nb-kept-limits-" + std::to_string(::getpid()), sys::Cgroup::usual_controllers()).value();
};

TEST_F(KeptLimitsTest, are_written_again_where_another_wrote_something_else)
{
    auto const* const weight = unified_ ? "cpu.weight" : "cpu.shares";
    auto const* const memory = unified_ ? "memory.max" : "memory.limit_in_bytes";
    ASSERT_TRUE(group_.write("cpu", weight, "77").ok());
    ASSERT_TRUE(group_.write("memory", memory, "33554432").ok());
    ASSERT_TRUE(group_.write("pids", "pids.max", "9").ok());
    auto const kept = KeptLimits::read(group_);
    ASSERT_TRUE(group_.write("cpu", weight, "100").ok());
    ASSERT_TRUE(group_.write("memory", memory, "67108864").ok());
    ASSERT_TRUE(group_.write("pids", "pids.max", "max").ok());

    ASSERT_TRUE(kept.set_back(group_).ok());

    EXPECT_EQ(text_in(group_, "cpu", weight), "77");
    EXPECT_EQ(text_in(group_, "memory", memory), "33554432");
    EXPECT_EQ(text_in(group_, "pids", "pids.max"), "9");
}

TEST_F(KeptLimitsTest, want_nothing_of_a_group_that_is_gone)
{
    auto const kept = KeptLimits::read(group_);

    EXPECT_TRUE(kept.set_back(sys::Cgroup::at("/nb-kept-limits-none", sys::Cgroup::usual_controllers())).ok());
}

} // namespace
} // namespace nova::runtime
