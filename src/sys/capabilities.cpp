#include "sys/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace nova::sys {

using base::Error;

namespace {

/// In the order of their numbers (capabilities(7)).
constexpr std::array<std::string_view, 41> names{"CAP_CHOWN",
                                                 "CAP_DAC_OVERRIDE",
                                                 "CAP_DAC_READ_SEARCH",
                                                 "CAP_FOWNER",
                                                 "CAP_FSETID",
                                                 "CAP_KILL",
                                                 "CAP_SETGID",
                                                 "CAP_SETUID",
                                                 "CAP_SETPCAP",
                                                 "CAP_LINUX_IMMUTABLE",
                                                 "CAP_NET_BIND_SERVICE",
                                                 "CAP_NET_BROADCAST",
                                                 "CAP_NET_ADMIN",
                                                 "CAP_NET_RAW",
                                                 "CAP_IPC_LOCK",
                                                 "CAP_IPC_OWNER",
                                                 "CAP_SYS_MODULE",
                                                 "CAP_SYS_RAWIO",
                                                 "CAP_SYS_CHROOT",
                                                 "CAP_SYS_PTRACE",
                                                 "CAP_SYS_PACCT",
                                                 "CAP_SYS_ADMIN",
                                                 "CAP_SYS_BOOT",
                                                 "CAP_SYS_NICE",
                                                 "CAP_SYS_RESOURCE",
                                                 "CAP_SYS_TIME",
                                                 "CAP_SYS_TTY_CONFIG",
                                                 "CAP_MKNOD",
                                                 "CAP_LEASE",
                                                 "CAP_AUDIT_WRITE",
                                                 "CAP_AUDIT_CONTROL",
                                                 "CAP_SETFCAP",
                                                 "CAP_MAC_OVERRIDE",
                                                 "CAP_MAC_ADMIN",
                                                 "CAP_SYSLOG",
                                                 "CAP_WAKE_ALARM",
                                                 "CAP_BLOCK_SUSPEND",
                                                 "CAP_AUDIT_READ",
                                                 "CAP_PERFMON",
                                                 "CAP_BPF",
                                                 "CAP_CHECKPOINT_RESTORE"};

struct CapabilityHeader {
    std::uint32_t version = _LINUX_CAPABILITY_VERSION_3;
    int pid = 0;
};

} // namespace

std::optional<CapabilityBits> find_capability(std::string_view name)
{
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name)
            return CapabilityBits{1} << i;
    return std::nullopt;
}

std::string_view capability_name(int number) { return names.at(static_cast<std::size_t>(number)); }

CapabilityBits known_capabilities()
{
    // The kernel's count does not change while we run, and asking takes a call per capability.
    static const CapabilityBits known = [] {
        unsigned count = CAP_LAST_CAP + 1;
        while (count > 0 && ::prctl(PR_CAPBSET_READ, count - 1, 0, 0, 0) < 0)
            --count; // An older kernel.
        while (count < 63 && ::prctl(PR_CAPBSET_READ, count, 0, 0, 0) >= 0)
            ++count; // A newer one.
        return (CapabilityBits{1} << count) - 1;
    }();
    return known;
}

Result<CapabilityBits> effective_capabilities()
{
    CapabilityHeader header;
    std::array<__user_cap_data_struct, 2> data{};
    if (::syscall(SYS_capget, &header, data.data()) < 0)
        return Error::from_errno("read the capabilities");
    return CapabilityBits{data[0].effective} | CapabilityBits{data[1].effective} << 32;
}

Status limit_bounding_set(CapabilityBits kept)
{
    auto const dropped = known_capabilities() & ~kept;
    for (unsigned i = 0; i < 63; ++i) {
        if ((dropped >> i & 1) != 0 && ::prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
            return Error::from_errno("drop " + (i < names.size() ? std::string{names[i]} : std::to_string(i)) +
                                     " from the bounding set");
    }
    return base::done();
}

Status keep_capabilities_over_setuid()
{
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return Error::from_errno("keep capabilities");
    return base::done();
}

Status set_capabilities(const CapabilitySets& sets)
{
    CapabilityHeader header;
    std::array<__user_cap_data_struct, 2> data{};
    for (unsigned i = 0; i < 2; ++i) {
        data[i].effective = static_cast<std::uint32_t>(sets.effective >> (32 * i));
        data[i].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * i));
        data[i].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * i));
    }
    if (::syscall(SYS_capset, &header, data.data()) < 0)
        return Error::from_errno("set capabilities");
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return Error::from_errno("clear ambient capabilities");
    for (unsigned i = 0; i < 63; ++i)
        if ((sets.ambient >> i & 1) != 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
            return Error::from_errno("raise an ambient capability");
    return base::done();
}

} // namespace nova::sys
