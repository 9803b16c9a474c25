#include "base/strings.h"

#include <gtest/gtest.h>

namespace nova::base {
namespace {

TEST(Strings, splits_and_joins)
{
    EXPECT_EQ(split("a,b,,c", ','), (std::vector<std::string>{"a", "b", "", "c"}));
    EXPECT_EQ(split("", ','), (std::vector<std::string>{""}));
    EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
}

TEST(Strings, parses_whole_numbers_only)
{
    EXPECT_EQ(parse_integer("42", 0, 100).value(), 42);
    for (auto const* text : {"", "42x", " 42", "101", "-1", "99999999999999999999"})
        EXPECT_FALSE(parse_integer(text, 0, 100).ok()) << text;
}

TEST(Strings, knows_dns_names)
{
    EXPECT_TRUE(is_dns_label("web-1"));
    for (auto const* text : {"", "-web", "web-", "Web", "web.1", "we b", "a/b"})
        EXPECT_FALSE(is_dns_label(text)) << text;
    EXPECT_FALSE(is_dns_label(std::string(64, 'a')));
    EXPECT_TRUE(is_dns_subdomain("ubuntu-22.04"));
    EXPECT_FALSE(is_dns_subdomain("a..b"));
}

TEST(Strings, writes_hex_of_a_fixed_width)
{
    EXPECT_EQ(to_hex(0xabc, 4), "0abc");
    EXPECT_EQ(trim("  a b\n"), "a b");
}

} // namespace
} // namespace nova::base
