#include "runtime/id_map.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/file.h"
#include "sys/namespace.h"
#include "sys/own_process.h"
#include "sys/pidfd.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

std::string map_text(const std::vector<oci::IdMapping>& mappings)
{
    std::string text;
    for (const auto& mapping : mappings)
        text += std::to_string(mapping.container_id) + " " + std::to_string(mapping.host_id) + " " +
                std::to_string(mapping.size) + "\n";
    return text;
}

/// newuidmap(1), which is set-uid and checks /etc/subuid.
Status run_map_helper(const std::string& name, pid_t pid, const std::vector<oci::IdMapping>& mappings)
{
    sys::RunSpec run;
    run.child.program = TRY(sys::find_program(name));
    run.child.argv = {name, std::to_string(pid)};
    for (const auto& mapping : mappings)
        for (auto const number : {mapping.container_id, mapping.host_id, mapping.size})
            run.child.argv.push_back(std::to_string(number));
    TRY(sys::run_child_that_succeeds(run));
    return done();
}

Status write_map(pid_t pid, const std::string& file, const std::string& helper, const std::vector<oci::IdMapping>& mappings)
{
    if (mappings.empty())
        return done();
    auto const directory = "/proc/" + std::to_string(pid) + "/";
    bool const of_groups = file == "gid_map";
    bool const privileged = ::geteuid() == 0;
    bool const own_alone =
        mappings.size() == 1 && mappings[0].size == 1 && mappings[0].host_id == (of_groups ? ::getegid() : ::geteuid());
    if (of_groups && own_alone && !privileged) // The kernel takes it only after setgroups was given up.
        TRY(sys::write_kernel_file(directory + "setgroups", "deny"));
    auto const direct = sys::write_kernel_file(directory + file, map_text(mappings));
    if (direct.ok() || own_alone || privileged)
        return direct;
    return run_map_helper(helper, pid, mappings)
        .context("more ids than our own take package uidmap and a range in " +
                 std::string{of_groups ? "/etc/subgid" : "/etc/subuid"});
}

} // namespace

Status write_id_maps(pid_t pid, const std::vector<oci::IdMapping>& uids, const std::vector<oci::IdMapping>& gids)
{
    TRY(write_map(pid, "gid_map", "newgidmap", gids).context("linux.gidMappings"));
    return write_map(pid, "uid_map", "newuidmap", uids).context("linux.uidMappings");
}

Result<std::uint32_t> host_id(const std::vector<oci::IdMapping>& mappings, std::uint32_t id)
{
    for (const auto& mapping : mappings)
        if (id >= mapping.container_id && id - mapping.container_id < mapping.size)
            return static_cast<std::uint32_t>(mapping.host_id + (id - mapping.container_id));
    return Error{Code::invalid_argument, std::to_string(id) + " is no id of the container's user namespace"};
}

void complete_id_maps(oci::Linux& config)
{
    for (const auto& entry : config.namespaces)
        if (entry.type == "user" && entry.path.empty() && config.uid_mappings.empty() && config.gid_mappings.empty()) {
            config.uid_mappings.push_back({.container_id = 0, .host_id = ::geteuid(), .size = 1});
            config.gid_mappings.push_back({.container_id = 0, .host_id = ::getegid(), .size = 1});
        }
}

Result<sys::UniqueFd> open_user_namespace(const std::vector<oci::IdMapping>& uids, const std::vector<oci::IdMapping>& gids)
{
    if (uids.empty() || gids.empty())
        return Error{Code::invalid_argument, "an id-mapped mount needs uidMappings and gidMappings"};
    auto const process = TRY(sys::clone_process(CLONE_NEWUSER));
    if (process.pid == 0) {
        (void)sys::set_parent_death_signal(SIGKILL);
        while (true)
            ::pause();
    }
    auto result = [&]() -> Result<sys::UniqueFd> {
        TRY(write_id_maps(process.pid, uids, gids));
        return sys::open_file("/proc/" + std::to_string(process.pid) + "/ns/user", O_RDONLY);
    }();
    (void)sys::signal_pidfd(process.pidfd.get(), SIGKILL);
    (void)sys::wait_pidfd(process.pidfd.get(), base::Deadline::never());
    return result;
}

} // namespace nova::runtime
