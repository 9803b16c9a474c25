#include "sys/link_move.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include "sys/file.h"
#include "sys/namespace.h"
#include "sys/netlink_list.h"

namespace nova::sys {

namespace {

bool lasts(const ifaddrmsg& head, std::uint32_t flags)
{
    return (flags & IFA_F_PERMANENT) != 0 && head.ifa_scope == RT_SCOPE_UNIVERSE;
}

std::vector<unsigned char> copy(std::span<const unsigned char> bytes) { return {bytes.begin(), bytes.end()}; }

Status move_link(Netlink& netlink, int index, std::uint16_t kind, std::uint32_t where, const std::string& name)
{
    NetlinkRequest request{RTM_SETLINK, 0};
    ifinfomsg head{};
    head.ifi_index = index;
    request.header(head).number(kind, where).text(IFLA_IFNAME, name);
    return netlink.transact(request).context("move the link");
}

} // namespace

Result<std::vector<KeptAddress>> list_lasting_addresses(Netlink& netlink, int index)
{
    auto const read = [&](const ifaddrmsg& head, const NetlinkAnswer& answer) -> Result<std::optional<KeptAddress>> {
        KeptAddress found{
            .family = head.ifa_family, .prefix_bits = head.ifa_prefixlen, .local = {}, .address = {}, .broadcast = {}};
        std::uint32_t flags = head.ifa_flags;
        for (const auto& attribute : answer.attributes<ifaddrmsg>())
            switch (attribute.type) {
            case IFA_LOCAL: found.local = copy(attribute.value); break;
            case IFA_ADDRESS: found.address = copy(attribute.value); break;
            case IFA_BROADCAST: found.broadcast = copy(attribute.value); break;
            case IFA_FLAGS: flags = attribute.number(); break;
            default: break;
            }
        bool const wanted = static_cast<int>(head.ifa_index) == index && lasts(head, flags);
        return wanted ? std::optional{std::move(found)} : std::nullopt;
    };
    return list_entries<KeptAddress, ifaddrmsg>(netlink, RTM_GETADDR, read).context("list addresses");
}

Status add_address(Netlink& netlink, int index, const KeptAddress& address)
{
    NetlinkRequest request{RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE};
    ifaddrmsg head{};
    head.ifa_family = address.family;
    head.ifa_prefixlen = address.prefix_bits;
    head.ifa_index = static_cast<unsigned>(index);
    request.header(head);
    if (!address.local.empty())
        request.bytes(IFA_LOCAL, address.local);
    if (!address.address.empty())
        request.bytes(IFA_ADDRESS, address.address);
    if (!address.broadcast.empty())
        request.bytes(IFA_BROADCAST, address.broadcast);
    return netlink.transact(request).context("add an address");
}

Status move_link_to_process(Netlink& netlink, int index, pid_t process, const std::string& name)
{
    return move_link(netlink, index, IFLA_NET_NS_PID, static_cast<std::uint32_t>(process), name);
}

Status move_link_to_namespace(Netlink& netlink, int index, int network_namespace, const std::string& name)
{
    return move_link(netlink, index, IFLA_NET_NS_FD, static_cast<std::uint32_t>(network_namespace), name);
}

Result<Netlink> open_netlink_of(int pidfd, NetlinkKind kind)
{
    auto const own = TRY(open_file("/proc/self/ns/net", O_RDONLY));
    TRY(enter_namespace(pidfd, CLONE_NEWNET).context("enter the container's network namespace"));
    auto netlink = Netlink::open(kind);
    TRY(enter_namespace(own.get(), CLONE_NEWNET).context("return to our network namespace"));
    return netlink;
}

} // namespace nova::sys
