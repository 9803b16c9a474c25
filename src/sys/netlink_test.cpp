#include "sys/netlink.h"

#include <gmock/gmock.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <random>

#include "sys/link.h"

namespace nova::sys {

TEST(NetlinkRequest, holds_its_attributes_in_each_other_and_aligned)
{
    NetlinkRequest request{RTM_NEWLINK, NLM_F_CREATE};
    request.header(ifinfomsg{}).text(IFLA_IFNAME, "br0").nest(IFLA_LINKINFO, [](NetlinkRequest& info) {
        info.text(IFLA_INFO_KIND, "bridge").number(7, std::uint16_t{515});
    });
    auto const message = request.finish(9);
    nlmsghdr head{};
    std::memcpy(&head, message.data(), sizeof head);
    EXPECT_EQ(head.nlmsg_len, message.size());
    EXPECT_EQ(head.nlmsg_seq, 9u);
    EXPECT_EQ(head.nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK);

    auto const start = sizeof head + sizeof(ifinfomsg);
    std::span const bytes{reinterpret_cast<const unsigned char*>(message.data()) + start, message.size() - start};
    auto const attributes = parse_attributes(bytes);
    ASSERT_EQ(attributes.size(), 2u);
    EXPECT_EQ(attributes[0].text(), "br0");
    auto const inner = parse_attributes(attributes[1].value);
    ASSERT_EQ(inner.size(), 2u);
    EXPECT_EQ(inner[0].text(), "bridge");
    EXPECT_EQ(inner[1].number(), 515u);
}

TEST(NetlinkAttributes, of_any_bytes_stay_within_them)
{
    std::mt19937 random{1};
    for (int round = 0; round < 20000; ++round) {
        std::vector<unsigned char> bytes(random() % 64);
        for (auto& byte : bytes)
            byte = static_cast<unsigned char>(random() % 3 == 0 ? random() % 16 : random() % 256 * (random() % 2));
        for (const auto& attribute : parse_attributes(bytes)) {
            EXPECT_GE(attribute.value.data(), bytes.data());
            EXPECT_LE(attribute.value.data() + attribute.value.size(), bytes.data() + bytes.size());
            (void)attribute.number();
            (void)attribute.text();
        }
    }
}

TEST(Mac, is_six_pairs_of_digits)
{
    EXPECT_EQ(parse_mac("52:54:00:aB:00:01").value(), (std::vector<unsigned char>{0x52, 0x54, 0, 0xab, 0, 1}));
    for (const auto* text : {"", "52:54:00:ab:00", "52:54:00:ab:00:01:02", "52:54:00:ab:00:0g", "5:54:00:ab:00:001"})
        EXPECT_FALSE(parse_mac(text).ok()) << text;
}

} // namespace nova::sys
