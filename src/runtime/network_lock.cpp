#include "runtime/network_lock.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "sys/link_move.h"
#include "sys/packet_tables.h"
#include "sys/pidfd.h"

namespace nova::runtime {

namespace {

constexpr std::string_view lock_prefix = "CRIU-";

bool is_lock(std::string_view table)
{
    auto const number = table.substr(std::min(lock_prefix.size(), table.size()));
    return table.starts_with(lock_prefix) && !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_our_network(pid_t process)
{
    struct stat ours {};
    struct stat theirs {};
    auto const place = "/proc/" + std::to_string(process) + "/ns/net";
    return ::stat("/proc/self/ns/net", &ours) == 0 && ::stat(place.c_str(), &theirs) == 0 && ours.st_ino == theirs.st_ino;
}

} // namespace

base::Status remove_network_lock(pid_t first)
{
    if (is_our_network(first))
        return base::done();
    auto const process = TRY(sys::open_pidfd(first));
    auto netlink = sys::open_netlink_of(process.get(), sys::NetlinkKind::packet_filter);
    if (!netlink.ok() && netlink.error().errnum() == EPROTONOSUPPORT)
        return base::done(); // A kernel without packet filters locks nothing.
    if (!netlink.ok())
        return std::move(netlink).take_error();
    for (const auto& table : TRY(sys::list_packet_tables(netlink.value())))
        if (is_lock(table))
            TRY(sys::remove_packet_table(netlink.value(), table));
    return base::done();
}

} // namespace nova::runtime
