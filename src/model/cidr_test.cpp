#include "model/cidr.h"

#include <gtest/gtest.h>

namespace nova::model {
namespace {

TEST(Ipv4, is_read_and_written_in_one_form_only)
{
    for (auto const* text : {"0.0.0.0", "10.88.0.1", "255.255.255.255"})
        EXPECT_EQ(to_string(parse_ipv4(text).value()), text);
    for (auto const* text :
         {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", "a.b.c.d", "1..2.3", "+1.2.3.4"})
        EXPECT_TRUE(failed_with(parse_ipv4(text), base::Code::invalid_argument)) << text;
}

TEST(Subnet, knows_its_bounds_and_its_gateway)
{
    auto const subnet = parse_subnet("10.88.0.1/24").value();
    EXPECT_EQ(to_string(subnet.network()), "10.88.0.0");
    EXPECT_EQ(to_string(subnet.broadcast()), "10.88.0.255");
    EXPECT_EQ(to_string(subnet.gateway()), "10.88.0.1");
    EXPECT_EQ(to_string(subnet.canonical()), "10.88.0.0/24");
    EXPECT_EQ(to_string(parse_subnet("10.88.0.7/24").value().gateway()), "10.88.0.7");
    EXPECT_EQ(to_string(subnet.host(12)), "10.88.0.12");
    EXPECT_EQ(parse_subnet("0.0.0.0/0").value().size(), std::uint64_t{1} << 32);
    EXPECT_EQ(parse_subnet("1.2.3.4/32").value().mask(), 0xffffffffu);
}

TEST(Subnet, says_what_lies_inside)
{
    auto const subnet = parse_subnet("10.88.0.0/24").value();
    EXPECT_TRUE(subnet.contains(parse_ipv4("10.88.0.255").value()));
    EXPECT_FALSE(subnet.contains_host(parse_ipv4("10.88.0.255").value()));
    EXPECT_FALSE(subnet.contains(parse_ipv4("10.88.1.0").value()));
    EXPECT_TRUE(subnet.overlaps(parse_subnet("10.0.0.0/8").value()));
    EXPECT_TRUE(parse_subnet("10.0.0.0/8").value().overlaps(subnet));
    EXPECT_FALSE(subnet.overlaps(parse_subnet("10.88.1.0/24").value()));
}

TEST(Subnet, refuses_what_is_none)
{
    for (auto const* text : {"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/08", "10.0.0/8", "/8"})
        EXPECT_FALSE(parse_subnet(text).ok()) << text;
}

TEST(AddressRange, has_an_order)
{
    auto const range = parse_address_range("10.88.0.50-10.88.0.150").value();
    EXPECT_EQ(range.size(), 101u);
    EXPECT_TRUE(range.contains(parse_ipv4("10.88.0.150").value()));
    EXPECT_EQ(to_string(range), "10.88.0.50-10.88.0.150");
    EXPECT_FALSE(parse_address_range("10.88.0.150-10.88.0.50").ok());
    EXPECT_FALSE(parse_address_range("10.88.0.50").ok());
}

TEST(Mac, is_derived_from_a_name_and_never_a_group_address)
{
    EXPECT_TRUE(is_mac(derive_mac("default/probe")));
    EXPECT_EQ(derive_mac("a"), derive_mac("a"));
    EXPECT_NE(derive_mac("a"), derive_mac("b"));
    for (auto const* text : {"", "52:54:00:12:34", "52:54:00:12:34:5g", "53:54:00:12:34:56", "52-54-00-12-34-56"})
        EXPECT_FALSE(is_mac(text)) << text;
}

} // namespace
} // namespace nova::model
