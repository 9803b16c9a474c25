#pragma once

#include <linux/netlink.h>

#include <optional>
#include <vector>

#include "sys/netlink.h"

namespace nova::sys {

/// Everything of a type that the kernel has: RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE. `read` makes an entry of a message, or
/// nothing of one that is not wanted. Errors: as Netlink::dump, and those of `read`.
template <typename Entry, typename Header, typename Read>
Result<std::vector<Entry>> list_entries(Netlink& netlink, std::uint16_t type, Read read)
{
    std::vector<Entry> entries;
    NetlinkRequest request{type, NLM_F_DUMP};
    request.header(Header{});
    TRY(netlink.dump(
        request, [&] { entries.clear(); },
        [&](const NetlinkAnswer& answer) -> Status {
            auto const head = TRY(answer.header<Header>());
            if (std::optional<Entry> entry = TRY(read(head, answer)))
                entries.push_back(std::move(*entry));
            return base::done();
        }));
    return entries;
}

} // namespace nova::sys
