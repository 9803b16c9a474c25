#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

/// IPv4 addresses, subnets and ranges as values.
namespace nova::model {

/// An IPv4 address, as a number in host order: 10.0.0.1 is 0x0a000001.
struct Ipv4 {
    std::uint32_t number = 0;
    auto operator<=>(const Ipv4&) const = default;
};

/// Four decimal numbers from 0 to 255 without leading zeros. Errors: invalid_argument.
base::Result<Ipv4> parse_ipv4(std::string_view text);
std::string to_string(Ipv4 address);

/// A subnet, with the address it was written with: "10.88.0.1/24" names the subnet 10.88.0.0/24 and the address 10.88.0.1.
struct Subnet {
    Ipv4 address;   ///< As written; may have a host part.
    int prefix = 0; ///< 0 to 32

    bool operator==(const Subnet&) const = default;

    std::uint32_t mask() const { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }
    Ipv4 network() const { return {address.number & mask()}; }
    Ipv4 broadcast() const { return {address.number | ~mask()}; }
    bool has_host_part() const { return address != network(); }
    std::uint64_t size() const { return std::uint64_t{1} << (32 - prefix); } ///< Addresses, network and broadcast included.

    bool contains(Ipv4 other) const { return (other.number & mask()) == network().number; }
    bool contains_host(Ipv4 other) const; ///< Inside, and neither the network's address nor the broadcast's.
    bool overlaps(const Subnet& other) const { return contains(other.network()) || other.contains(network()); }

    /// The nth address counted from the network's own, which is 0. A programmer's error where n >= size().
    Ipv4 host(std::uint64_t n) const;

    /// The address with a host part, if it was written with one, else the first of the subnet.
    Ipv4 gateway() const { return has_host_part() ? address : host(1); }

    /// The same subnet without the host part.
    Subnet canonical() const { return {network(), prefix}; }
};

/// "10.88.0.0/24" or "10.88.0.1/24". Errors: invalid_argument.
base::Result<Subnet> parse_subnet(std::string_view text);
std::string to_string(const Subnet& subnet); ///< As it was written; of canonical() without the host part.

/// Addresses from first to last, both included.
struct AddressRange {
    Ipv4 first;
    Ipv4 last;
    bool operator==(const AddressRange&) const = default;

    std::uint64_t size() const { return std::uint64_t{last.number} - first.number + 1; }
    bool contains(Ipv4 address) const { return first <= address && address <= last; }
};

/// "10.88.0.50-10.88.0.150". Errors: invalid_argument - no addresses, or the last is before the first.
base::Result<AddressRange> parse_address_range(std::string_view text);
std::string to_string(const AddressRange& range);

/// True for "52:54:00:ab:cd:ef": six pairs of hexadecimal digits, of a single station (not a group).
bool is_mac(std::string_view text);

/// 52:54: and four bytes derived from the text; the same for the same text on every machine.
std::string derive_mac(std::string_view text);

} // namespace nova::model
