#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/netlink.h"
#include "sys/unique_fd.h"

namespace nova::sys {

/// A network interface as the kernel tells it.
struct Link {
    int index = 0;
    std::string name;
    std::string alias;
    std::string kind; ///< "bridge", "veth", "tun", ...; empty for hardware and loopback.
    std::string mac;  ///< "02:00:00:00:00:01"
    int master = 0;   ///< Index of the bridge it is a port of; 0: none.
    int peer = 0;     ///< veth: the other end's index, which may be in another namespace.
    std::uint32_t mtu = 0;
    bool up = false;       ///< As the administrator set it.
    bool carrying = false; ///< The kernel has taken it into service: packets pass.
    bool stp = false;      ///< bridge: runs the spanning tree protocol.
    bool operator==(const Link&) const = default;
};

struct LinkAddress {
    int index = 0;    ///< The link.
    std::string text; ///< "10.88.0.1/24" or "fe80::1/64"
    bool operator==(const LinkAddress&) const = default;
};

struct Route {
    std::string destination; ///< "10.88.0.0/24"; the default route is "0.0.0.0/0" or "::/0".
    std::string gateway;     ///< Empty: on the link itself.
    int index = 0;           ///< The link; 0 where the route has none or several.
    std::uint32_t table = 0;
    bool operator==(const Route&) const = default;
};

Result<std::vector<Link>> list_links(Netlink& netlink);
/// What an RTM_NEWLINK or RTM_DELLINK tells. Errors: data_loss.
Result<Link> read_link(const NetlinkAnswer& answer);
Result<std::vector<LinkAddress>> list_addresses(Netlink& netlink);
/// Of every table but `local`, which the kernel fills itself.
Result<std::vector<Route>> list_routes(Netlink& netlink);

Result<std::optional<Link>> find_link(Netlink& netlink, const std::string& name);
Result<Link> get_link(Netlink& netlink, const std::string& name); ///< Errors: not_found.

struct BridgeOptions {
    std::string name;
    std::string alias;
    std::string mac; ///< Empty: the lowest of its ports', which changes as they come and go.
    bool stp = false;
};

/// Makes a bridge that bears its alias from the first instant, even if we are killed. Errors: already_exists.
Status create_bridge(Netlink& netlink, const BridgeOptions& options);
Status set_stp(Netlink& netlink, int index, bool on);

struct VethOptions {
    std::string name;
    std::string alias;
    std::string peer_name;   ///< In the peer's namespace.
    std::string peer_mac;    ///< Empty: the kernel chooses.
    int peer_namespace = -1; ///< Borrowed descriptor.
    std::uint32_t mtu = 0;   ///< 0: the kernel's default.
};

/// Makes a pair of virtual links, the peer right in its namespace. Errors: already_exists.
Status create_veth(Netlink& netlink, const VethOptions& options);

/// Makes a tap that stays without a process that holds it. It gets its alias before it is made to stay, so a crash leaves
/// nothing, or something marked. Errors: already_exists; not_found - no /dev/net/tun.
Status create_tap(Netlink& netlink, const std::string& name, const std::string& alias);

Status set_link_up(Netlink& netlink, int index, bool up);
Status set_link_master(Netlink& netlink, int index, int master); ///< Master 0: of none.

/// Waits until a link that is up is in service. The kernel does that in the background, and a packet that comes first is lost:
/// its sender would try again only a second later. Returns also when `most` is over.
Status await_carrying(Netlink& netlink, const std::string& name, std::chrono::milliseconds most);
Status set_link_alias(Netlink& netlink, int index, const std::string& alias);
/// The link gets no IPv6 address by itself. Done where the kernel has no IPv6.
Status disable_link_ipv6(Netlink& netlink, int index);
Status set_link_mac(Netlink& netlink, int index, const std::string& mac);
Status set_link_mtu(Netlink& netlink, int index, std::uint32_t mtu);
Status remove_link(Netlink& netlink, int index); ///< Accepts absence.

/// "10.88.0.1/24". Accepts what is there.
Status ensure_address(Netlink& netlink, int index, const std::string& address);
Status remove_address(Netlink& netlink, int index, const std::string& address); ///< Accepts absence.
/// "0.0.0.0/0" by way of the gateway (empty: directly). Replaces a route of the same destination.
Status ensure_route(Netlink& netlink, int index, const std::string& destination, const std::string& gateway);

/// Six bytes as "02:00:00:00:00:01". Errors: invalid_argument.
Result<std::vector<unsigned char>> parse_mac(const std::string& text);

} // namespace nova::sys
