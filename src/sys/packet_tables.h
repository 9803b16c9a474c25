#pragma once

#include <string>
#include <vector>

#include "sys/netlink.h"

namespace nova::sys {

/// nftables' tables of family inet, without its library. `netlink` is of Netlink::open(NetlinkKind::packet_filter).

/// Their names; none where the kernel has no nftables.
Result<std::vector<std::string>> list_packet_tables(Netlink& netlink);

/// Removes one with all its rules. Errors: not_found; permission_denied - needs CAP_NET_ADMIN.
Status remove_packet_table(Netlink& netlink, const std::string& name);

} // namespace nova::sys
