#pragma once

#include <functional>

#include "base/clock.h"
#include "sys/netlink.h"

namespace nova::sys {

/// Hears what the kernel tells of every change, whoever makes it, in the network namespace that the opening thread was in.
/// Costs nothing while nothing changes.
class NetlinkEvents {
public:
    enum class About {
        links,    ///< RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR and RTM_DELADDR (IPv4).
        firewall, ///< What `nft monitor` shows. Needs CAP_NET_ADMIN.
    };
    /// Errors: permission_denied.
    static Result<NetlinkEvents> open(About about);

    enum class Heard {
        all,
        some_lost, ///< They came faster than they were taken: look at everything anew.
    };

    /// Hands over all that waits, without waiting for more. A type of the firewall's is NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_….
    Result<Heard> take(const std::function<void(const NetlinkAnswer&)>& hear);

    int fd() const { return socket_.get(); } ///< To poll for reading.

private:
    explicit NetlinkEvents(UniqueFd socket) : socket_(std::move(socket)) {}
    UniqueFd socket_;
};

} // namespace nova::sys
