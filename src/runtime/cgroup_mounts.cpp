#include "runtime/cgroup_mounts.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "base/strings.h"
#include "runtime/namespaces.h"
#include "sys/cgroup.h"
#include "sys/mount_api.h"
#include "sys/namespace.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using sys::Subtree;
using sys::UniqueFd;
namespace oci = model::oci;

namespace {

Result<UniqueFd> bind_hierarchy(const std::string& place, std::uint64_t attributes)
{
    auto tree = TRY(sys::clone_tree(place, Subtree::with_submounts));
    struct statfs filesystem {};
    if (::fstatfs(tree.get(), &filesystem) < 0 ||
        (filesystem.f_type != CGROUP_SUPER_MAGIC && filesystem.f_type != CGROUP2_SUPER_MAGIC))
        return Error{Code::not_found, place + " is in no cgroup file system"};
    // Before it is attached: in a mount namespace that is joined others could open its files for writing.
    std::uint64_t const replaced = (attributes & MOUNT_ATTR__ATIME) != 0 ? MOUNT_ATTR__ATIME : 0; // One value of several.
    TRY(sys::set_mount_attributes(tree.get(), {.set = attributes, .clear = replaced, .propagation = MS_PRIVATE},
                                  Subtree::with_submounts));
    return tree;
}

Result<UniqueFd> mount_hierarchy(const std::string& controller, std::uint64_t attributes)
{
    auto filesystem = TRY(sys::NewFilesystem::open("cgroup"));
    TRY(controller == "systemd" ? filesystem.set("name", controller) : filesystem.set_flag(controller));
    return filesystem.create(attributes);
}

Result<sys::NewFilesystem> configure_unified(const MountData& data)
{
    auto filesystem = TRY(sys::NewFilesystem::open("cgroup2"));
    for (const auto& [key, value] : data)
        TRY(value.empty() ? filesystem.set_flag(key) : filesystem.set(key, value));
    return filesystem;
}

/// One line of /proc/self/cgroup: "4:memory:/nova/web", "3:cpu,cpuacct:/", "9:name=systemd:/".
struct Membership {
    std::vector<std::string> names; ///< Those of its directories, as hosts have them: "cpu", "cpuacct", "cpu,cpuacct".
    std::string path;
};

/// Of version 1, as far as this namespace sees where they are.
std::vector<Membership> parse_memberships(const std::string& text)
{
    std::vector<Membership> found;
    for (const auto& line : base::split(text, '\n')) {
        auto const first = line.find(':');
        auto const second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos || line.compare(second, 4, ":/..") == 0)
            continue;
        auto together = line.substr(first + 1, second - first - 1);
        if (together.starts_with("name="))
            together.erase(0, 5);
        Membership one{base::split(together, ','), line.substr(second + 1)};
        if (one.names.size() > 1)
            one.names.push_back(together);
        if (!together.empty()) // Else that is version 2's.
            found.push_back(std::move(one));
    }
    return found;
}

/// Without a namespace of its own.
Result<UniqueFd> bind_own(const CgroupView& view, const std::string& controller, std::uint64_t attributes)
{
    return bind_hierarchy(sys::Cgroup::at(view.record.cgroup, {controller}).directory(controller), attributes);
}

Result<UniqueFd> bind_member(const std::string& name, const std::string& path, std::uint64_t attributes)
{
    auto bound = bind_hierarchy(sys::hierarchy_directory(name) + path, attributes);
    // Of a hierarchy that is there the host may show us a part only.
    return failed_with(bound, Code::not_found) && sys::has_hierarchy(name) ? mount_hierarchy(name, attributes) : std::move(bound);
}

} // namespace

bool may_bind_hierarchies(const oci::Config& config)
{
    return !has_user_namespace(config.platform) && sys::is_in_first_cgroup_namespace();
}

Result<std::vector<Hierarchy>> open_hierarchies(const CgroupView& view, std::uint64_t attributes)
{
    std::vector<Hierarchy> opened;
    auto const add = [&](const std::string& controller, Result<UniqueFd> tree) -> Status {
        if (failed_with(tree, Code::not_found))
            return done(); // The container takes no part in it.
        if (!tree.ok())
            return Error{tree.error()}.context(controller);
        opened.push_back({controller, std::move(tree).value()});
        return done();
    };
    if (view.memberships.empty()) {
        for (const auto& controller : sys::cgroup_controllers())
            TRY(add(controller,
                    view.own_namespace ? mount_hierarchy(controller, attributes) : bind_own(view, controller, attributes)));
        return opened;
    }
    for (const auto& one : parse_memberships(view.memberships))
        for (const auto& name : one.names)
            TRY(add(name, bind_member(name, one.path, attributes)));
    return opened;
}

Result<UniqueFd> open_unified(const CgroupView& view, std::uint64_t attributes, const MountData& data)
{
    if (view.own_namespace)
        return TRY(configure_unified(data)).create(attributes);
    if (!data.empty())
        (void)TRY(configure_unified(data)); // For the check alone: those of the host's mount, which we bind, stay what they are.
    return bind_own(view, "", attributes);
}

} // namespace nova::runtime
