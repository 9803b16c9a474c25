#include "sys/packet_tables.h"

#include <gtest/gtest.h>

#include "sys/netns.h"
#include "sys/nftables.h"

namespace nova::sys {
namespace {

class PacketTables : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(enter_new_netns().ok()); }

    static void add(const std::string& family, const std::string& name)
    {
        auto const table = R"({"family": ")" + family + R"(", "name": ")" + name + R"("})";
        auto const made = run_nftables(R"({"nftables": [{"add": {"table": )" + table + R"(}}]})");
        ASSERT_TRUE(made.ok()) << made.error().message();
    }
};

TEST_F(PacketTables, of_inet_are_listed_and_removed_and_others_left_alone)
{
    auto netlink = Netlink::open(NetlinkKind::packet_filter).value();
    EXPECT_EQ(list_packet_tables(netlink).value(), std::vector<std::string>{});
    add("inet", "first");
    add("inet", "second");
    add("ip", "first");

    ASSERT_TRUE(remove_packet_table(netlink, "first").ok());

    EXPECT_EQ(list_packet_tables(netlink).value(), std::vector<std::string>{"second"});
    EXPECT_NE(run_nftables(R"({"nftables": [{"list": {"tables": {}}}]})").value().find(R"("family": "ip", "name": "first")"),
              std::string::npos);
}

TEST_F(PacketTables, that_are_not_there_can_not_be_removed)
{
    auto netlink = Netlink::open(NetlinkKind::packet_filter).value();
    auto const removed = remove_packet_table(netlink, "nosuch");
    ASSERT_FALSE(removed.ok());
    EXPECT_EQ(removed.error().code(), base::Code::not_found);
    EXPECT_NE(removed.error().message().find("remove table inet nosuch"), std::string::npos) << removed.error().message();
}

} // namespace
} // namespace nova::sys
