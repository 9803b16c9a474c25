#include "base/websocket_frame.h"

#include <gtest/gtest.h>

namespace nova::base {
namespace {

TEST(WebSocketFrame, answers_the_handshake_as_the_rfc_shows)
{
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketFrame, comes_back_as_it_was_sent_at_every_size_of_length)
{
    for (std::size_t const size : {0u, 1u, 125u, 126u, 65535u, 65536u, 100000u}) {
        for (auto const side : {Masking::client, Masking::server}) {
            std::string const payload(size, 'p');
            auto bytes = encode_frame(FrameType::binary, payload, side, 0x01020304) + "next";
            auto const frame = take_frame(bytes, side, 1u << 20).value();
            ASSERT_TRUE(frame.has_value());
            EXPECT_EQ(frame->payload, payload);
            EXPECT_EQ(bytes, "next");
        }
    }
}

TEST(WebSocketFrame, waits_for_the_rest_of_a_frame)
{
    auto const whole = encode_frame(FrameType::text, std::string(300, 'x'), Masking::client, 7);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        auto part = whole.substr(0, size);
        EXPECT_FALSE(take_frame(part, Masking::client, 1000).value().has_value()) << size;
        EXPECT_EQ(part.size(), size);
    }
}

TEST(WebSocketFrame, is_refused_when_it_breaks_the_rules)
{
    auto const refused = [](std::string bytes, Masking sender) {
        return failed_with(take_frame(bytes, sender, 1000), Code::invalid_argument);
    };
    EXPECT_TRUE(refused(encode_frame(FrameType::text, "x", Masking::server), Masking::client)) << "unmasked client";
    EXPECT_TRUE(refused(encode_frame(FrameType::text, "x", Masking::client), Masking::server)) << "masked server";
    EXPECT_TRUE(refused(encode_frame(FrameType::ping, std::string(126, 'x'), Masking::server), Masking::server)) << "long ping";
    EXPECT_TRUE(refused(encode_frame(FrameType::binary, std::string(1001, 'x'), Masking::server), Masking::server))
        << "over the limit";
    EXPECT_TRUE(refused(std::string{"\xC2\x00", 2}, Masking::server)) << "reserved bit";
    EXPECT_TRUE(refused(std::string{"\x83\x00", 2}, Masking::server)) << "unknown type";
    EXPECT_TRUE(refused(std::string{"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14}, Masking::client)) << "2^64 bytes";
}

TEST(Base64, pads_what_is_no_multiple_of_three)
{
    EXPECT_EQ(to_base64(""), "");
    EXPECT_EQ(to_base64("f"), "Zg==");
    EXPECT_EQ(to_base64("fo"), "Zm8=");
    EXPECT_EQ(to_base64("foo"), "Zm9v");
}

} // namespace
} // namespace nova::base
