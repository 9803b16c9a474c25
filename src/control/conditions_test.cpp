#include "control/conditions.h"

#include <gtest/gtest.h>

namespace nova::control {
namespace {

TEST(Conditions, keep_their_moment_while_the_status_stays)
{
    std::vector<model::Condition> conditions{{"Ready", "False", "Pulling", "", "2001-01-01T00:00:00Z"}};
    EXPECT_TRUE(set_condition(conditions, "Ready", false, "Failed", "no such image"));
    EXPECT_FALSE(set_condition(conditions, "Ready", false, "Failed", "no such image")) << "no news";
    ASSERT_EQ(conditions.size(), 1u);
    EXPECT_EQ(conditions[0].changed, "2001-01-01T00:00:00Z");
    EXPECT_EQ(conditions[0].reason, "Failed");

    set_condition(conditions, "Ready", true, "Running", "");
    EXPECT_NE(conditions[0].changed, "2001-01-01T00:00:00Z");
}

} // namespace
} // namespace nova::control
