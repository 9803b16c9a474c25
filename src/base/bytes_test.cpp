#include "base/bytes.h"

#include <gtest/gtest.h>

namespace nova::base {
namespace {

TEST(Bytes, reads_binary_decimal_and_bare_sizes)
{
    EXPECT_EQ(parse_bytes("16Gi").value().count, 16ull << 30);
    EXPECT_EQ(parse_bytes("20G").value().count, 20'000'000'000ull);
    EXPECT_EQ(parse_bytes("1.5Ki").value().count, 1536u);
    EXPECT_EQ(parse_bytes("4096").value().count, 4096u);
}

TEST(Bytes, refuses_what_is_no_size)
{
    for (auto const* text : {"", "Gi", "-1", "1..5Gi", "1.", ".5", "1GiB", "1 Gi", "99999999Pi", "0x10", "1e9"})
        EXPECT_EQ(parse_bytes(text).error().code(), Code::invalid_argument) << text;
}

TEST(Bytes, reach_to_the_last_that_a_file_can_have)
{
    constexpr auto most = 0x7fff'ffff'ffff'ffffull;
    EXPECT_EQ(parse_bytes(std::to_string(most)).value().count, most);
    EXPECT_EQ(parse_bytes(to_string(Bytes{9'210'000'000'000'000'000})).value().count, 9'210'000'000'000'000'000u);
    EXPECT_FALSE(parse_bytes("9223372036854775808").ok());
    EXPECT_FALSE(parse_bytes("8192Pi").ok());
}

TEST(Bytes, writes_the_shortest_exact_form)
{
    for (auto const* text : {"16Gi", "20G", "4097", "0", "512Mi"})
        EXPECT_EQ(to_string(parse_bytes(text).value()), text);
}

} // namespace
} // namespace nova::base
