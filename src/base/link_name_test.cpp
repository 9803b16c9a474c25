#include "base/link_name.h"

#include <gtest/gtest.h>

namespace nova::base {
namespace {

TEST(LinkName, is_what_the_kernel_takes)
{
    EXPECT_TRUE(is_link_name("nv-lab.1"));
    EXPECT_TRUE(is_link_name("fifteen-letters"));
    for (const auto* name : {"", ".", "..", "a/b", "a b", "a:b", "a%d", "a\"b", "a\tb", "\xc3\xa4", "sixteen-letters-"})
        EXPECT_FALSE(is_link_name(name)) << name;
}

TEST(LinkName, is_not_free_where_the_kernel_means_something_by_it)
{
    for (const auto* name : {"lo", "all", "default"})
        EXPECT_TRUE(is_reserved_link_name(name)) << name;
    EXPECT_FALSE(is_reserved_link_name("lo0"));
}

} // namespace
} // namespace nova::base
