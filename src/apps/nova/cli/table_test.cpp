#include "apps/nova/cli/table.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace nova::app {
namespace {

TEST(Table, lines_its_columns_up_and_ends_lines_clean)
{
    EXPECT_EQ(format_table({"NAME", "STATUS"}, {{"web", "Running"}, {"a-longer-name", ""}}),
              "NAME            STATUS\nweb             Running\na-longer-name\n");
}

TEST(Table, counts_characters_and_not_bytes)
{
    EXPECT_EQ(format_table({"A", "B"}, {{"ä", "x"}, {"bb", "y"}}), "A    B\nä    x\nbb   y\n");
}

TEST(Table, does_not_let_a_cell_drive_the_terminal) { EXPECT_EQ(format_table({"A"}, {{"\x1b[2J\n"}}), "A\n?[2J?\n"); }

TEST(Age, is_said_in_one_unit)
{
    using namespace std::chrono_literals;
    auto const ago = [](auto time) { return age(base::to_rfc3339(base::system_clock().now() - time)); };
    EXPECT_EQ(ago(5min), "5m");
    EXPECT_EQ(ago(72h), "3d");
    EXPECT_EQ(age(""), "-");
}

} // namespace
} // namespace nova::app
