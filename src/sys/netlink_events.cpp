#include "sys/netlink_events.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <vector>

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t datagram_bytes = 64u << 10;

std::vector<int> groups_of(NetlinkEvents::About about)
{
    if (about == NetlinkEvents::About::links)
        return {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR};
    return {NFNLGRP_NFTABLES};
}

} // namespace

Result<NetlinkEvents> NetlinkEvents::open(About about)
{
    auto const protocol = about == About::links ? NETLINK_ROUTE : NETLINK_NETFILTER;
    auto socket = TRY(open_netlink_socket(protocol, SOCK_NONBLOCK));
    for (int const group : groups_of(about))
        if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
            return Error::from_errno("listen to netlink group " + std::to_string(group));
    return NetlinkEvents{std::move(socket)};
}

Result<NetlinkEvents::Heard> NetlinkEvents::take(const std::function<void(const NetlinkAnswer&)>& hear)
{
    auto heard = Heard::all;
    std::vector<unsigned char> buffer(datagram_bytes);
    while (true) {
        auto const count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
        if (count < 0 && errno == EAGAIN)
            return heard;
        if (count < 0 && errno != EINTR && errno != ENOBUFS)
            return Error::from_errno("receive netlink events");
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || static_cast<std::size_t>(count) > buffer.size()) {
            heard = Heard::some_lost;
            continue;
        }
        for (const auto& message : parse_messages({buffer.data(), static_cast<std::size_t>(count)}))
            hear(message);
    }
}

} // namespace nova::sys
