#include "runtime/rootless.h"

#include <unistd.h>

#include "base/strings.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/namespace.h"

namespace nova::runtime {

using base::Code;
using base::Error;

namespace {

const std::string cgroup_root = "/sys/fs/cgroup";

bool is_ours(const std::string& path)
{
    auto const directory = cgroup_root + path;
    return ::access(directory.c_str(), W_OK) == 0 && ::access((directory + "/cgroup.procs").c_str(), W_OK) == 0;
}

bool holds_processes(const std::string& path)
{
    auto const pids = sys::read_file(cgroup_root + path + "/cgroup.procs");
    return !pids.ok() || !base::trim(pids.value()).empty();
}

/// The cgroup that we are in: "0::/user.slice/…".
std::string own_cgroup()
{
    auto const text = sys::read_file("/proc/self/cgroup");
    for (const auto& line : base::split(text.ok() ? text.value() : "", '\n'))
        if (line.starts_with("0::/"))
            return line.substr(3);
    return {};
}

/// Root of the whole machine's users: all of them are mapped onto themselves.
bool owns_all_ids()
{
    auto const text = sys::read_file("/proc/self/uid_map");
    if (!text.ok())
        return true; // No user namespaces in this kernel.
    std::string map;
    for (auto const letter : base::trim(text.value()))
        if (letter != ' ' || (!map.empty() && map.back() != ' '))
            map += letter;
    return map == "0 0 4294967295";
}

} // namespace

Result<Rootless> parse_rootless(const std::string& text)
{
    if (text == "auto" || text.empty())
        return Rootless::automatic;
    if (text == "true" || text == "false")
        return text == "true" ? Rootless::yes : Rootless::no;
    return Error{Code::invalid_argument, "must be true, false or auto, is \"" + text.substr(0, 80) + "\""};
}

bool acts_rootless(Rootless option)
{
    if (option != Rootless::automatic)
        return option == Rootless::yes;
    return ::geteuid() != 0 || (!sys::is_in_first_user_namespace() && !owns_all_ids());
}

std::optional<std::string> find_delegated_cgroup()
{
    if (sys::cgroup_layout() != sys::CgroupLayout::unified)
        return std::nullopt;
    auto const own = own_cgroup();
    if (own.empty() || own == "/" || own.find("..") != std::string::npos)
        return std::nullopt;
    for (auto slash = own.rfind('/'); slash != 0 && slash != std::string::npos; slash = own.rfind('/', slash - 1))
        if (auto const above = own.substr(0, slash); is_ours(above) && !holds_processes(above))
            return above;
    return is_ours(own) ? std::optional{own} : std::nullopt;
}

} // namespace nova::runtime
