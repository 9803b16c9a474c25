#include "sys/packet_tables.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <array>

#include "sys/netlink_list.h"

namespace nova::sys {

namespace {

constexpr std::uint16_t type_of(int message) { return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message); }

/// nftables takes changes in batches only.
NetlinkRequest batch(std::uint16_t type)
{
    NetlinkRequest request{type, 0};
    request.header(nfgenmsg{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)}).without_answer();
    return request;
}

Result<std::optional<std::string>> read_table(const nfgenmsg& head, const NetlinkAnswer& answer)
{
    if (head.nfgen_family == NFPROTO_INET)
        for (const auto& attribute : answer.attributes<nfgenmsg>())
            if (attribute.type == NFTA_TABLE_NAME)
                return std::optional{attribute.text()};
    return std::optional<std::string>{};
}

} // namespace

Result<std::vector<std::string>> list_packet_tables(Netlink& netlink)
{
    auto tables = list_entries<std::string, nfgenmsg>(netlink, type_of(NFT_MSG_GETTABLE), read_table);
    if (!tables.ok() && (tables.error().errnum() == EINVAL || tables.error().errnum() == EOPNOTSUPP))
        return std::vector<std::string>{}; // Nobody takes such messages.
    return tables;
}

Status remove_packet_table(Netlink& netlink, const std::string& name)
{
    NetlinkRequest removal{type_of(NFT_MSG_DELTABLE), 0};
    removal.header(nfgenmsg{NFPROTO_INET, NFNETLINK_V0, 0}).text(NFTA_TABLE_NAME, name);
    std::array requests{batch(NFNL_MSG_BATCH_BEGIN), std::move(removal), batch(NFNL_MSG_BATCH_END)};
    return netlink.transact_all(requests).context("remove table inet " + name);
}

} // namespace nova::sys
