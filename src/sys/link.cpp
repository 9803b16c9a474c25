#include "sys/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <array>
#include <cstring>
#include <thread>

#include "base/link_name.h"
#include "base/strings.h"
#include "sys/file.h"
#include "sys/netlink_list.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

constexpr auto ipv4_bits = 32;
constexpr auto operation_up = 6u; // IF_OPER_UP of <linux/if.h>, which can't be had beside <net/if.h>.

std::string to_mac(std::span<const unsigned char> bytes)
{
    std::string text;
    for (auto const byte : bytes)
        text += (text.empty() ? "" : ":") + base::to_hex(byte, 2);
    return text;
}

std::string to_address(int family, std::span<const unsigned char> bytes, int prefix)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    std::array<unsigned char, 16> whole{}; // A default route has no bytes at all.
    std::copy_n(bytes.begin(), std::min(bytes.size(), whole.size()), whole.begin());
    ::inet_ntop(family, whole.data(), text.data(), text.size());
    return text.data() + (prefix < 0 ? std::string{} : "/" + std::to_string(prefix));
}

struct Ipv4Prefix {
    std::array<unsigned char, 4> bytes{};
    std::uint8_t length = 0;
};

Result<Ipv4Prefix> parse_ipv4_prefix(const std::string& text)
{
    Ipv4Prefix parsed;
    auto const slash = text.find('/');
    parsed.length = ipv4_bits;
    if (slash != std::string::npos)
        parsed.length = static_cast<std::uint8_t>(TRY(base::parse_integer(text.substr(slash + 1), 0, ipv4_bits).context(text)));
    if (::inet_pton(AF_INET, text.substr(0, slash).c_str(), parsed.bytes.data()) != 1)
        return Error{Code::invalid_argument, "not an IPv4 address: " + text};
    return parsed;
}

void read_link_info(Link& link, std::span<const unsigned char> info)
{
    for (const auto& attribute : parse_attributes(info)) {
        if (attribute.type == IFLA_INFO_KIND)
            link.kind = attribute.text();
        if (attribute.type == IFLA_INFO_SLAVE_DATA && link.master != 0)
            for (const auto& data : parse_attributes(attribute.value))
                if (data.type == IFLA_BRPORT_STATE && data.number() == BR_STATE_DISABLED)
                    link.carrying = false; // The bridge has not heard of it yet.
        if (attribute.type == IFLA_INFO_DATA && link.kind == "bridge")
            for (const auto& data : parse_attributes(attribute.value))
                link.stp = link.stp || (data.type == IFLA_BR_STP_STATE && data.number() != 0);
    }
}

} // namespace

Result<Link> read_link(const NetlinkAnswer& answer)
{
    auto const head = TRY(answer.header<ifinfomsg>());
    Link link;
    link.index = head.ifi_index;
    link.up = (head.ifi_flags & IFF_UP) != 0;
    for (const auto& attribute : answer.attributes<ifinfomsg>()) {
        switch (attribute.type) {
        case IFLA_IFNAME: link.name = attribute.text(); break;
        case IFLA_IFALIAS: link.alias = attribute.text(); break;
        case IFLA_ADDRESS: link.mac = to_mac(attribute.value); break;
        case IFLA_MASTER: link.master = static_cast<int>(attribute.number()); break;
        case IFLA_LINK: link.peer = static_cast<int>(attribute.number()); break;
        case IFLA_OPERSTATE: link.carrying = attribute.number() == operation_up; break; // Comes before IFLA_LINKINFO.
        case IFLA_MTU: link.mtu = attribute.number(); break;
        case IFLA_LINKINFO: read_link_info(link, attribute.value); break;
        default: break;
        }
    }
    return link;
}

namespace {

NetlinkRequest link_request(std::uint16_t type, std::uint16_t flags, int index = 0)
{
    NetlinkRequest request{type, flags};
    ifinfomsg head{};
    head.ifi_index = index;
    request.header(head);
    return request;
}

/// What gives a link of this name its alias. The kernel takes no alias at creation, so it goes into the same batch.
NetlinkRequest alias_request(const std::string& name, const std::string& alias)
{
    auto request = link_request(RTM_SETLINK, 0);
    request.text(IFLA_IFNAME, name).bytes(IFLA_IFALIAS, {reinterpret_cast<const unsigned char*>(alias.data()), alias.size()});
    return request;
}

Status set_link_flags(Netlink& netlink, int index, unsigned flags, unsigned mask)
{
    NetlinkRequest request{RTM_SETLINK, 0};
    ifinfomsg head{};
    head.ifi_index = index;
    head.ifi_flags = flags;
    head.ifi_change = mask;
    request.header(head);
    return netlink.transact(request);
}

Status accept(Status status, Code fine) { return base::failed_with(status, fine) ? base::done() : std::move(status); }

} // namespace

Result<std::vector<unsigned char>> parse_mac(const std::string& text)
{
    auto const parts = base::split(text, ':');
    std::vector<unsigned char> bytes;
    for (const auto& part : parts) {
        if (part.size() != 2 || part.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
            break;
        bytes.push_back(static_cast<unsigned char>(std::stoul(part, nullptr, 16)));
    }
    if (bytes.size() != 6 || parts.size() != 6)
        return Error{Code::invalid_argument, "not a MAC address: " + text};
    return bytes;
}

Result<std::vector<Link>> list_links(Netlink& netlink)
{
    auto const read = [](const ifinfomsg&, const NetlinkAnswer& answer) -> Result<std::optional<Link>> {
        return std::optional{TRY(read_link(answer))};
    };
    return list_entries<Link, ifinfomsg>(netlink, RTM_GETLINK, read).context("list links");
}

Result<Link> get_link(Netlink& netlink, const std::string& name)
{
    if (!base::is_link_name(name))
        return Error{Code::invalid_argument, "not a name of a link: " + name};
    Link link;
    auto request = link_request(RTM_GETLINK, 0);
    request.text(IFLA_IFNAME, name);
    auto status = netlink.dump(
        request, [] {},
        [&](const NetlinkAnswer& answer) -> Status {
            link = TRY(read_link(answer));
            return base::done();
        });
    TRY(std::move(status).context("look at link " + name));
    return link;
}

Result<std::optional<Link>> find_link(Netlink& netlink, const std::string& name)
{
    auto found = get_link(netlink, name);
    if (found.ok())
        return std::optional{std::move(found).value()};
    if (found.error().code() == Code::not_found)
        return std::optional<Link>{};
    return std::move(found).take_error();
}

Result<std::vector<LinkAddress>> list_addresses(Netlink& netlink)
{
    auto const read = [](const ifaddrmsg& head, const NetlinkAnswer& answer) -> Result<std::optional<LinkAddress>> {
        std::span<const unsigned char> bytes;
        for (const auto& attribute : answer.attributes<ifaddrmsg>()) // IFA_ADDRESS is the far end's on point-to-point links.
            if (attribute.type == IFA_LOCAL || (attribute.type == IFA_ADDRESS && bytes.empty()))
                bytes = attribute.value;
        return std::optional{
            LinkAddress{static_cast<int>(head.ifa_index), to_address(head.ifa_family, bytes, head.ifa_prefixlen)}};
    };
    return list_entries<LinkAddress, ifaddrmsg>(netlink, RTM_GETADDR, read).context("list addresses");
}

namespace {

Result<std::optional<Route>> read_route(const rtmsg& head, const NetlinkAnswer& answer)
{
    if (head.rtm_family != AF_INET && head.rtm_family != AF_INET6)
        return std::optional<Route>{};
    Route route{to_address(head.rtm_family, {}, head.rtm_dst_len), "", 0, head.rtm_table};
    for (const auto& attribute : answer.attributes<rtmsg>()) {
        switch (attribute.type) {
        case RTA_DST: route.destination = to_address(head.rtm_family, attribute.value, head.rtm_dst_len); break;
        case RTA_GATEWAY: route.gateway = to_address(head.rtm_family, attribute.value, -1); break;
        case RTA_OIF: route.index = static_cast<int>(attribute.number()); break;
        case RTA_TABLE: route.table = attribute.number(); break;
        default: break;
        }
    }
    return route.table == RT_TABLE_LOCAL ? std::nullopt : std::optional{std::move(route)};
}

} // namespace

Result<std::vector<Route>> list_routes(Netlink& netlink)
{
    return list_entries<Route, rtmsg>(netlink, RTM_GETROUTE, read_route).context("list routes");
}

Status create_bridge(Netlink& netlink, const BridgeOptions& options)
{
    std::array requests{link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL), alias_request(options.name, options.alias)};
    requests[0].text(IFLA_IFNAME, options.name);
    if (!options.mac.empty())
        requests[0].bytes(IFLA_ADDRESS, TRY(parse_mac(options.mac)));
    requests[0].nest(IFLA_LINKINFO, [&](NetlinkRequest& info) {
        info.text(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, [&](NetlinkRequest& data) {
            data.number(IFLA_BR_STP_STATE, std::uint32_t{options.stp});
        });
    });
    // Had the first failed because the link exists, the second would mark somebody else's: so it is asked for first.
    if (TRY(find_link(netlink, options.name)))
        return Error{Code::already_exists, "there is a link " + options.name};
    return netlink.transact_all(requests).context("create bridge " + options.name);
}

Status set_stp(Netlink& netlink, int index, bool on)
{
    auto request = link_request(RTM_NEWLINK, 0, index);
    request.nest(IFLA_LINKINFO, [&](NetlinkRequest& info) {
        info.text(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, [&](NetlinkRequest& data) {
            data.number(IFLA_BR_STP_STATE, std::uint32_t{on});
        });
    });
    return netlink.transact(request).context("set spanning tree");
}

Status create_veth(Netlink& netlink, const VethOptions& options)
{
    std::array requests{link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL), alias_request(options.name, options.alias)};
    std::vector<unsigned char> mac;
    if (!options.peer_mac.empty())
        mac = TRY(parse_mac(options.peer_mac));
    requests[0].text(IFLA_IFNAME, options.name);
    if (options.mtu != 0)
        requests[0].number(IFLA_MTU, options.mtu);
    requests[0].nest(IFLA_LINKINFO, [&](NetlinkRequest& info) {
        info.text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, [&](NetlinkRequest& data) {
            data.nest(VETH_INFO_PEER, [&](NetlinkRequest& peer) {
                peer.header(ifinfomsg{}).text(IFLA_IFNAME, options.peer_name);
                if (!mac.empty())
                    peer.bytes(IFLA_ADDRESS, mac);
                peer.number(IFLA_NET_NS_FD, options.peer_namespace);
                if (options.mtu != 0)
                    peer.number(IFLA_MTU, options.mtu);
            });
        });
    });
    if (TRY(find_link(netlink, options.name)))
        return Error{Code::already_exists, "there is a link " + options.name};
    return netlink.transact_all(requests).context("create veth " + options.name);
}

Status create_tap(Netlink& netlink, const std::string& name, const std::string& alias)
{
    if (!base::is_link_name(name))
        return Error{Code::invalid_argument, "not a name of a link: " + name};
    if (TRY(find_link(netlink, name))) // TUNSETIFF would attach to a tap that is there already.
        return Error{Code::already_exists, "there is a link " + name};
    auto const tun = TRY(open_file("/dev/net/tun", O_RDWR));
    ifreq request{};
    std::copy(name.begin(), name.end(), request.ifr_name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (::ioctl(tun.get(), TUNSETIFF, &request) < 0)
        return Error::from_errno("create tap");
    auto marking = alias_request(name, alias);
    TRY(netlink.transact(marking).context("mark tap " + name));
    if (::ioctl(tun.get(), TUNSETPERSIST, 1) < 0)
        return Error::from_errno("make tap persist");
    return base::done();
}

Status set_link_up(Netlink& netlink, int index, bool up)
{
    return set_link_flags(netlink, index, up ? IFF_UP : 0, IFF_UP).context("set link up or down");
}

Status set_link_master(Netlink& netlink, int index, int master)
{
    auto request = link_request(RTM_SETLINK, 0, index);
    request.number(IFLA_MASTER, master);
    return netlink.transact(request).context("put link on bridge");
}

Status await_carrying(Netlink& netlink, const std::string& name, std::chrono::milliseconds most)
{
    auto const end = std::chrono::steady_clock::now() + most;
    while (true) {
        auto const link = TRY(get_link(netlink, name));
        if (link.carrying || std::chrono::steady_clock::now() >= end)
            return base::done();
        std::this_thread::sleep_for(std::chrono::microseconds{200});
    }
}

Status set_link_alias(Netlink& netlink, int index, const std::string& alias)
{
    auto request = link_request(RTM_SETLINK, 0, index);
    request.bytes(IFLA_IFALIAS, {reinterpret_cast<const unsigned char*>(alias.data()), alias.size()});
    return netlink.transact(request).context("set link alias");
}

Status disable_link_ipv6(Netlink& netlink, int index)
{
    auto request = link_request(RTM_SETLINK, 0, index);
    request.nest(IFLA_AF_SPEC, [](NetlinkRequest& families) {
        families.nest(AF_INET6, [](NetlinkRequest& ipv6) {
            ipv6.number(IFLA_INET6_ADDR_GEN_MODE, static_cast<std::uint8_t>(IN6_ADDR_GEN_MODE_NONE));
        });
    });
    auto status = netlink.transact(request);
    if (!status.ok() && status.error().errnum() == EAFNOSUPPORT)
        return base::done();
    return std::move(status).context("keep link without IPv6 addresses");
}

Status set_link_mac(Netlink& netlink, int index, const std::string& mac)
{
    auto request = link_request(RTM_SETLINK, 0, index);
    request.bytes(IFLA_ADDRESS, TRY(parse_mac(mac)));
    return netlink.transact(request).context("set link address " + mac);
}

Status set_link_mtu(Netlink& netlink, int index, std::uint32_t mtu)
{
    auto request = link_request(RTM_SETLINK, 0, index);
    request.number(IFLA_MTU, mtu);
    return netlink.transact(request).context("set link mtu " + std::to_string(mtu));
}

Status remove_link(Netlink& netlink, int index)
{
    auto request = link_request(RTM_DELLINK, 0, index);
    auto status = netlink.transact(request);
    if (!status.ok() && status.error().errnum() == ENODEV)
        return base::done();
    return std::move(status).context("remove link");
}

namespace {

Status change_address(Netlink& netlink, std::uint16_t type, std::uint16_t flags, int index, const std::string& address)
{
    auto const prefix = TRY(parse_ipv4_prefix(address));
    NetlinkRequest request{type, flags};
    ifaddrmsg head{};
    head.ifa_family = AF_INET;
    head.ifa_prefixlen = prefix.length;
    head.ifa_index = static_cast<unsigned>(index);
    request.header(head).bytes(IFA_LOCAL, prefix.bytes).bytes(IFA_ADDRESS, prefix.bytes);
    if (type == RTM_NEWADDR && prefix.length < 31) {
        auto broadcast = prefix.bytes;
        for (int bit = prefix.length; bit < ipv4_bits; ++bit)
            broadcast[static_cast<std::size_t>(bit / 8)] |= static_cast<unsigned char>(0x80 >> (bit % 8));
        request.bytes(IFA_BROADCAST, broadcast);
    }
    return netlink.transact(request);
}

} // namespace

Status ensure_address(Netlink& netlink, int index, const std::string& address)
{
    auto status = change_address(netlink, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address);
    return accept(std::move(status), Code::already_exists).context("add address " + address);
}

Status remove_address(Netlink& netlink, int index, const std::string& address)
{
    auto status = change_address(netlink, RTM_DELADDR, 0, index, address);
    if (!status.ok() && status.error().errnum() == EADDRNOTAVAIL)
        return base::done();
    return std::move(status).context("remove address " + address);
}

Status ensure_route(Netlink& netlink, int index, const std::string& destination, const std::string& gateway)
{
    auto const prefix = TRY(parse_ipv4_prefix(destination));
    NetlinkRequest request{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE};
    rtmsg head{};
    head.rtm_family = AF_INET;
    head.rtm_dst_len = prefix.length;
    head.rtm_table = RT_TABLE_MAIN;
    head.rtm_protocol = RTPROT_STATIC;
    head.rtm_scope = gateway.empty() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    head.rtm_type = RTN_UNICAST;
    request.header(head).bytes(RTA_DST, prefix.bytes).number(RTA_OIF, index);
    if (!gateway.empty())
        request.bytes(RTA_GATEWAY, TRY(parse_ipv4_prefix(gateway)).bytes);
    return netlink.transact(request).context("add route " + destination);
}

} // namespace nova::sys
