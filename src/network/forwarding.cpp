#include "network/forwarding.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

namespace nova::network {
namespace {

constexpr auto setting = "net/ipv4/ip_forward";

std::string record_path(const std::string& directory) { return directory + "/ip_forward"; }

/// Where a record holds: the setting is the namespace's, and a boot sets it anew.
Result<std::string> here()
{
    return TRY(sys::read_sysctl("kernel/random/boot_id")) + " " + std::to_string(TRY(sys::own_netns_cookie()));
}

/// A router's link: what passes through it passes from one link to another.
bool lives_from_forwarding(const sys::Link& link)
{
    static constexpr std::array kinds{"bridge", "tun", "wireguard", "vxlan", "ipip", "gre", "sit", "geneve"};
    return std::ranges::find(kinds, link.kind) != kinds.end();
}

} // namespace

Status ensure_forwarding(const std::string& directory)
{
    if (TRY(sys::read_sysctl(setting)) != "0")
        return base::done();
    TRY(sys::make_directories(directory));
    TRY(sys::write_file_atomically(record_path(directory),
                                   TRY(here()))); // First: whoever is killed in between has changed nothing.
    return sys::ensure_sysctl(setting, "1");
}

Status release_forwarding(const std::string& directory, const Links& links)
{
    auto const record = sys::read_file(record_path(directory), 4096);
    if (base::failed_with(record, base::Code::not_found))
        return base::done();
    bool const others = std::ranges::any_of(
        links.all(), [&](const sys::Link& link) { return lives_from_forwarding(link) && !links.mark_of(link); });
    bool const ours = TRY(record) == TRY(here()) && TRY(sys::read_sysctl(setting)) == "1";
    if (ours && others)
        base::log_info("ip_forward stays on: links of others are there that may need it");
    if (ours && !others)
        TRY(sys::ensure_sysctl(setting, "0"));
    return sys::remove_file(record_path(directory));
}

} // namespace nova::network
