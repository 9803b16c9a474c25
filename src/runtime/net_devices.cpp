#include "runtime/net_devices.h"

#include <fcntl.h>

#include <algorithm>

#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;

/// Its number there is the kernel's choice, as its name may be.
Result<int> NetDevices::find_new(const std::vector<sys::Link>& before)
{
    for (const auto& link : TRY(sys::list_links(*there_)))
        if (std::none_of(before.begin(), before.end(), [&](const auto& known) { return known.index == link.index; }))
            return link.index;
    return Error{Code::internal, "the link did not arrive"};
}

Status NetDevices::move_one(const std::string& name, const std::string& name_there, pid_t process)
{
    auto const link = TRY(sys::get_link(*here_, name));
    auto const before = TRY(sys::list_links(*there_));
    auto addresses = TRY(sys::list_lasting_addresses(*here_, link.index));
    Moved moved{name, link.up, 0, std::move(addresses)};
    auto result = sys::move_link_to_process(*here_, link.index, process, name_there.empty() ? name : name_there);
    // The kernel moves first and renames then: a name that is taken leaves the link there, to be taken back.
    auto arrived = find_new(before);
    if (arrived.ok()) {
        moved.index = arrived.value();
        moved_.push_back(moved);
    }
    TRY(std::move(result));
    TRY(std::move(arrived));
    for (const auto& address : moved.addresses)
        TRY(sys::add_address(*there_, moved.index, address));
    return sys::set_link_up(*there_, moved.index, true);
}

Status NetDevices::move(const std::map<std::string, model::oci::NetDevice>& devices, pid_t process, int pidfd)
{
    if (devices.empty())
        return done();
    here_ = TRY(sys::Netlink::open());
    there_ = TRY(sys::open_netlink_of(pidfd));
    for (const auto& [name, device] : devices)
        TRY(move_one(name, device.name, process).context("linux.netDevices." + name));
    return done();
}

Status NetDevices::move_one_back(const Moved& moved)
{
    auto const own = TRY(sys::open_file("/proc/self/ns/net", O_RDONLY));
    TRY(sys::move_link_to_namespace(*there_, moved.index, own.get(), moved.name));
    auto const link = TRY(sys::get_link(*here_, moved.name));
    for (const auto& address : moved.addresses)
        TRY(sys::add_address(*here_, link.index, address));
    return moved.up ? sys::set_link_up(*here_, link.index, true) : done();
}

void NetDevices::move_back()
{
    for (const auto& moved : moved_)
        (void)move_one_back(moved);
    moved_.clear();
}

} // namespace nova::runtime
