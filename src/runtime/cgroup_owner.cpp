#include "runtime/cgroup_owner.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "runtime/mount_options.h"
#include "runtime/mounts.h"
#include "sys/file.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

bool is_writable_cgroup(const oci::Mount& mount)
{
    auto const options = parse_mount_options(mount.options);
    return is_cgroup_mount(mount) && sys::clean_path(mount.destination) == "sys/fs/cgroup" && options.ok() &&
           (options.value().set & MOUNT_ATTR_RDONLY) == 0;
}

bool has_new(const oci::Linux& config, std::string_view type)
{
    return std::any_of(config.namespaces.begin(), config.namespaces.end(),
                       [&](const auto& entry) { return entry.type == type && entry.path.empty(); });
}

/// Who the user is on the host. Nobody in a user namespace that is joined, whose map is another's.
std::optional<uid_t> host_user(const oci::Config& config)
{
    auto const user = config.process->user.uid;
    const auto& all = config.platform.namespaces;
    if (std::none_of(all.begin(), all.end(), [](const auto& entry) { return entry.type == "user"; }))
        return user;
    if (has_new(config.platform, "user"))
        for (const auto& range : config.platform.uid_mappings)
            if (user >= range.container_id && user - range.container_id < range.size)
                return range.host_id + (user - range.container_id);
    return std::nullopt;
}

std::vector<std::string> delegated_files()
{
    auto const listed = sys::read_file("/sys/kernel/cgroup/delegate");
    return listed.ok() ? base::split(base::trim(listed.value()), '\n')
                       : std::vector<std::string>{"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};
}

} // namespace

Status give_cgroup_away(const sys::Cgroup& group, const oci::Config& config)
{
    const auto& mounts = config.mounts;
    if (group.layout() != sys::CgroupLayout::unified || !config.process || !has_new(config.platform, "cgroup") ||
        std::none_of(mounts.begin(), mounts.end(), is_writable_cgroup))
        return done();
    auto const owner = host_user(config);
    if (!owner || *owner == ::geteuid())
        return done();
    auto const directory = TRY(group.open_directory());
    if (::fchown(directory.get(), *owner, -1) < 0)
        return Error::from_errno("give the cgroup to the user of its program");
    for (const auto& file : delegated_files())
        if (::fchownat(directory.get(), file.c_str(), *owner, -1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
            return Error::from_errno("give the files of the cgroup to the user of its program");
    return done();
}

} // namespace nova::runtime
