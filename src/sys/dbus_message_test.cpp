#include "sys/dbus_message.h"

#include <gtest/gtest.h>

namespace nova::sys {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

using base::Code;

BusMessage hello()
{
    return {.serial = 1,
            .path = "/org/freedesktop/DBus",
            .interface = "org.freedesktop.DBus",
            .member = "Hello",
            .destination = "org.freedesktop.DBus"};
}

TEST(BusMessage, is_written_byte_for_byte_as_the_specification_says)
{
    BusMessage const message{.type = BusMessageType::signal,
                             .serial = 7,
                             .path = "/a",
                             .interface = "b.c",
                             .member = "D",
                             .signature = "u",
                             .body = "\x2a\0\0\0"s};
    EXPECT_EQ(to_bytes(message), "l\4\0\1\4\0\0\0\7\0\0\0\x37\0\0\0"
                                 "\1\1o\0\2\0\0\0/a\0\0\0\0\0\0"
                                 "\2\1s\0\3\0\0\0b.c\0\0\0\0\0"
                                 "\3\1s\0\1\0\0\0D\0\0\0\0\0\0\0"
                                 "\x08\1g\0\1u\0\0"
                                 "\x2a\0\0\0"sv);
}

TEST(BusMessage, reads_back_what_it_wrote)
{
    auto message = hello();
    BusWriter body;
    body.text("name.service");
    auto const array = body.begin_array(8);
    body.begin_struct();
    body.byte(3);
    body.number(std::uint64_t{1} << 40);
    body.end_array(array);
    message.signature = "sa(yt)";
    message.body = body.bytes();

    auto const read = parse_bus_message(to_bytes(message)).value();
    EXPECT_EQ(read.serial, 1u);
    EXPECT_EQ(read.path, message.path);
    EXPECT_EQ(read.member, "Hello");
    EXPECT_EQ(read.signature, "sa(yt)");
    BusReader reader{read.body};
    EXPECT_EQ(reader.text().value(), "name.service");
    EXPECT_EQ(reader.number32().value(), 16u) << "the array's size, without the padding before its first element";
    ASSERT_TRUE(reader.align(8).ok());
    EXPECT_EQ(reader.byte().value(), 3);
    EXPECT_EQ(reader.number64().value(), std::uint64_t{1} << 40);
    EXPECT_TRUE(reader.at_end());
}

TEST(BusMessage, knows_its_size_from_its_first_bytes)
{
    auto const bytes = to_bytes(hello());
    EXPECT_EQ(bus_message_size(std::string_view{bytes}.substr(0, bus_header_size)).value(), bytes.size());
}

TEST(BusMessage, is_refused_at_whatever_place_it_is_cut_off)
{
    auto const bytes = to_bytes(hello());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(parse_bus_message(std::string_view{bytes}.substr(0, size)).ok()) << size;
}

TEST(BusMessage, does_no_harm_with_any_byte_of_it_changed)
{
    auto const bytes = to_bytes(hello());
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (int value = 0; value < 256; ++value) {
            auto changed = bytes;
            changed[at] = static_cast<char>(value);
            auto const read = parse_bus_message(changed);
            EXPECT_TRUE(!read.ok() || read.value().body.size() <= bytes.size());
        }
}

TEST(BusMessage, refuses_another_byte_order_another_version_and_too_much)
{
    auto header = to_bytes(hello()).substr(0, bus_header_size);
    auto big = header;
    big[0] = 'B';
    EXPECT_TRUE(failed_with(bus_message_size(big), Code::invalid_argument));
    auto newer = header;
    newer[3] = 2;
    EXPECT_TRUE(failed_with(bus_message_size(newer), Code::invalid_argument));
    auto huge = header;
    huge[7] = '\x7f';
    EXPECT_TRUE(failed_with(bus_message_size(huge), Code::resource_exhausted));
}

TEST(BusReader, refuses_texts_that_do_not_end_where_they_say)
{
    EXPECT_FALSE(BusReader{"\3\0\0\0abcd"sv}.text().ok()) << "no NUL at its end";
    EXPECT_FALSE(BusReader{"\3\0\0\0a\0c\0"sv}.text().ok()) << "a NUL within";
    EXPECT_FALSE(BusReader{"\xff\xff\xff\xff"sv}.text().ok()) << "longer than all there is";
    EXPECT_EQ(BusReader{"\3\0\0\0abc\0"sv}.text().value(), "abc");
}

} // namespace
} // namespace nova::sys
