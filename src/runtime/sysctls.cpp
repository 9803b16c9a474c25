#include "runtime/sysctls.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sys/proc.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Status;
namespace oci = model::oci;

namespace {

bool has_own(const oci::Linux& config, std::string_view type)
{
    return std::any_of(config.namespaces.begin(), config.namespaces.end(), [&](const auto& entry) { return entry.type == type; });
}

std::string_view namespace_of(std::string_view name)
{
    constexpr std::array<std::string_view, 8> ipc{"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
                                                  "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
    if (std::find(ipc.begin(), ipc.end(), name) != ipc.end() || name.starts_with("fs.mqueue."))
        return "ipc";
    if (name.starts_with("net."))
        return "network";
    if (name == "kernel.domainname" || name == "kernel.hostname")
        return "uts";
    return "";
}

/// "net/ipv4/conf/eth0.1/x" is taken too, where a dot belongs to the name.
std::string dotted(std::string name)
{
    auto const first = name.find_first_of("./");
    if (first != std::string::npos && name[first] == '/')
        for (auto& character : name)
            character = character == '/' ? '.' : character == '.' ? '/' : character;
    return name;
}

/// Whether a part of the path that the name becomes is ".." or empty: it would be another file than the name says.
bool climbs(const std::string& name)
{
    auto const parts = "." + name + ".";
    return parts.find("..") != std::string::npos || parts.find(".//.") != std::string::npos;
}

} // namespace

Status check_sysctls(const oci::Config& config)
{
    for (const auto& [key, value] : config.platform.sysctl) {
        auto const name = dotted(key);
        auto const type = namespace_of(name);
        if (type.empty() || climbs(name))
            return Error{Code::invalid_argument, "linux.sysctl: " + key + " belongs to no namespace"};
        if (name == "kernel.hostname" ||
            (name == "kernel.domainname" && !config.domainname.empty() && config.domainname != value))
            return Error{Code::invalid_argument, "linux.sysctl: " + key + " is what the field " + name.substr(7) + " is for"};
        if (!has_own(config.platform, type))
            return Error{Code::invalid_argument, "linux.sysctl: " + key + " needs a " + std::string{type} + " namespace"};
    }
    return done();
}

Status apply_sysctls(const oci::Linux& config, int host_proc)
{
    for (const auto& [key, value] : config.sysctl) {
        auto path = dotted(key);
        for (auto& character : path)
            character = character == '.' ? '/' : character == '/' ? '.' : character;
        TRY(sys::write_proc_sys(host_proc, path, value).context("linux.sysctl: " + key));
    }
    return done();
}

} // namespace nova::runtime
