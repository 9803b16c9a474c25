#include "runtime/wire_message.h"

#include <gtest/gtest.h>

namespace nova::runtime {
namespace {

TEST(WireMessage, is_read_as_it_was_written)
{
    WireMessage inner;
    inner.text(1, "key").number(2, 300);
    WireMessage message;
    message.number(1, 0).number(35, 1u << 20).flag(4, true).flag(5, false).text(68, "").message(3, inner);
    auto const fields = parse_wire_message(message.bytes()).value();
    ASSERT_EQ(fields.size(), 5u);
    EXPECT_EQ(fields[1].field, 35u);
    EXPECT_EQ(fields[1].number, 1u << 20);
    EXPECT_EQ(fields[2].field, 4u);
    EXPECT_EQ(fields[3].field, 68u);
    auto const within = parse_wire_message(fields[4].bytes).value();
    EXPECT_EQ(within[0].bytes, "key");
    EXPECT_EQ(within[1].number, 300u);
}

TEST(WireMessage, has_the_bytes_of_the_format)
{
    EXPECT_EQ(WireMessage{}.number(1, 150).bytes(), "\x08\x96\x01");
    EXPECT_EQ(WireMessage{}.text(2, "testing").bytes(), "\x12\x07testing");
}

TEST(WireMessage, refuses_what_is_cut_short)
{
    std::vector<std::string> const bad{"\x08",
                                       "\x08\x80",
                                       "\x12\x05"
                                       "abc",
                                       "\x0b",
                                       std::string(11, '\xff'),
                                       "\x09"
                                       "1234"};
    for (const auto& text : bad)
        EXPECT_FALSE(parse_wire_message(text).ok());
    EXPECT_FALSE(parse_wire_message(std::string{"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"}).ok());
}

} // namespace
} // namespace nova::runtime
