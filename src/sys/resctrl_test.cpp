#include "sys/resctrl.h"

#include <gtest/gtest.h>

namespace nova::sys {
namespace {

constexpr auto without = "22 1 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
                         "23 22 0:21 / /proc rw - proc resctrl rw\n"
                         "24 22 0:22 / /resctrl rw - tmpfs tmpfs rw\n";

TEST(Resctrl, is_found_by_its_type_and_by_nothing_else)
{
    EXPECT_EQ(find_resctrl(without), std::nullopt);
    EXPECT_EQ(find_resctrl(""), std::nullopt);
    EXPECT_EQ(find_resctrl("1 2 3 -"), std::nullopt);
    EXPECT_EQ(
        find_resctrl(std::string{without} + "30 22 0:30 / /sys/fs/resctrl rw,nosuid shared:9 master:3 - resctrl resctrl rw\n"),
        "/sys/fs/resctrl");
    EXPECT_EQ(find_resctrl("30 22 0:30 / /a\\040b\\134c\\0 rw - resctrl none rw\n"), "/a b\\c\\0");
}

TEST(Resctrl, is_an_error_where_none_is_mounted)
{
    auto const opened = Resctrl::open();
    if (opened.ok())
        GTEST_SKIP() << "this host has one";
    EXPECT_EQ(opened.error().code(), base::Code::failed_precondition);
    EXPECT_EQ(opened.error().message(), "no resctrl file system is mounted on this host");
}

} // namespace
} // namespace nova::sys
