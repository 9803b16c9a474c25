#include "model/cidr.h"

#include "base/must.h"
#include "base/strings.h"

namespace nova::model {

using base::Code;
using base::Error;
using base::Result;

namespace {

std::string quoted(std::string_view text) { return "\"" + std::string{text.substr(0, 60)} + "\""; }

Error no_address(std::string_view text) { return Error{Code::invalid_argument, quoted(text) + " is no IPv4 address"}; }

Error no_subnet(std::string_view text)
{
    return Error{Code::invalid_argument, quoted(text) + " is no subnet; write it like 10.88.0.0/24"};
}

} // namespace

Result<Ipv4> parse_ipv4(std::string_view text)
{
    if (text.size() > 15)
        return no_address(text);
    auto const parts = base::split(text, '.');
    if (parts.size() != 4)
        return no_address(text);
    std::uint32_t number = 0;
    for (const auto& part : parts) {
        auto const octet = base::parse_integer(part, 0, 255);
        // Leading zeros mean octal to some programs: an address that is read in two ways is none.
        if (!octet.ok() || part != std::to_string(octet.value()))
            return no_address(text);
        number = number << 8 | static_cast<std::uint32_t>(octet.value());
    }
    return Ipv4{number};
}

std::string to_string(Ipv4 address)
{
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8)
        text += std::to_string(address.number >> shift & 0xff) + (shift > 0 ? "." : "");
    return text;
}

bool Subnet::contains_host(Ipv4 other) const { return contains(other) && other != network() && other != broadcast(); }

Ipv4 Subnet::host(std::uint64_t n) const
{
    base::must(n < size(), "Subnet::host: beyond the subnet");
    return {network().number + static_cast<std::uint32_t>(n)};
}

Result<Subnet> parse_subnet(std::string_view text)
{
    auto const slash = text.find('/');
    if (slash == std::string_view::npos)
        return no_subnet(text);
    auto const address = parse_ipv4(text.substr(0, slash));
    auto const prefix = base::parse_integer(text.substr(slash + 1), 0, 32);
    if (!address.ok() || !prefix.ok() || text.substr(slash + 1) != std::to_string(prefix.value()))
        return no_subnet(text);
    return Subnet{address.value(), static_cast<int>(prefix.value())};
}

std::string to_string(const Subnet& subnet) { return to_string(subnet.address) + "/" + std::to_string(subnet.prefix); }

Result<AddressRange> parse_address_range(std::string_view text)
{
    auto const dash = text.find('-');
    if (dash == std::string_view::npos)
        return Error{Code::invalid_argument, quoted(text) + " is no range; write it like 10.88.0.50-10.88.0.150"};
    auto const first = TRY(parse_ipv4(base::trim(text.substr(0, dash))));
    auto const last = TRY(parse_ipv4(base::trim(text.substr(dash + 1))));
    AddressRange const range{first, last};
    if (range.last < range.first)
        return Error{Code::invalid_argument,
                     "the last address, " + to_string(range.last) + ", is before the first, " + to_string(range.first)};
    return range;
}

std::string to_string(const AddressRange& range) { return to_string(range.first) + "-" + to_string(range.last); }

bool is_mac(std::string_view text)
{
    if (text.size() != 17)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const fits =
            i % 3 == 2 ? text[i] == ':' : std::string_view{"0123456789abcdefABCDEF"}.find(text[i]) != std::string_view::npos;
        if (!fits)
            return false;
    }
    // The lowest bit of the first byte marks a group address: no station can have it.
    return std::string_view{"02468aceACE"}.find(text[1]) != std::string_view::npos;
}

std::string derive_mac(std::string_view text)
{
    auto const digits = base::to_hex(base::stable_hash(text), 8);
    std::string mac = "52:54";
    for (std::size_t i = 0; i < digits.size(); i += 2)
        mac += ":" + digits.substr(i, 2);
    return mac;
}

} // namespace nova::model
