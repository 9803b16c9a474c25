#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "sys/link.h"

namespace nova::sys {

/// An address as the kernel told it, to be given to a link of another namespace.
struct KeptAddress {
    unsigned char family = 0;
    unsigned char prefix_bits = 0;
    std::vector<unsigned char> local;
    std::vector<unsigned char> address; ///< The far end's on point-to-point links, else the same.
    std::vector<unsigned char> broadcast;
};

/// The permanent addresses of global scope that a link has, of any family: those that somebody gave it and that no lease ends.
Result<std::vector<KeptAddress>> list_lasting_addresses(Netlink& netlink, int index);
Status add_address(Netlink& netlink, int index, const KeptAddress& address);

/// Moves a link, which goes down and loses its addresses thereby, and names it there; "eth%d" lets the kernel number it.
/// Errors: already_exists - the name is taken there, and the link stays where it is.
Status move_link_to_process(Netlink& netlink, int index, pid_t process, const std::string& name);
Status move_link_to_namespace(Netlink& netlink, int index, int network_namespace, const std::string& name);

/// A socket to the network namespace of another process. Only for a process with one thread, which it leaves for a moment.
Result<Netlink> open_netlink_of(int pidfd, NetlinkKind kind = NetlinkKind::routes);

} // namespace nova::sys
