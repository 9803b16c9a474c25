#include "runtime/mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "runtime/copy_up.h"
#include "runtime/id_map.h"
#include "runtime/mount_options.h"
#include "runtime/namespaces.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/mount_api.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using sys::Subtree;
using sys::UniqueFd;
using Content = sys::RootDirectory::Content;
namespace oci = model::oci;

namespace {

bool is_bind(const oci::Mount& mount, const MountOptions& options)
{
    return options.bind || mount.type == "bind" || mount.type == "rbind";
}

/// Of those that are bound, the kernel's own views are nobody's to fill.
Content content_of(const UniqueFd& tree)
{
    struct statfs filesystem {};
    bool const views_kernel =
        ::fstatfs(tree.get(), &filesystem) == 0 && (filesystem.f_type == PROC_SUPER_MAGIC || filesystem.f_type == SYSFS_MAGIC);
    return views_kernel ? Content::ours : Content::strange;
}

/// What lies at that very name, a link too. Empty where nothing does.
Result<UniqueFd> find_unfollowed(const sys::RootDirectory& root, const std::string& destination)
{
    auto const path = sys::clean_path(destination);
    auto const slash = path.rfind('/');
    auto const parent = TRY(root.ensure_directory(slash == std::string::npos ? "/" : path.substr(0, slash)));
    auto found = sys::open_at(parent.get(), path.substr(slash + 1), O_PATH | O_NOFOLLOW);
    if (found.ok() && content_of(found.value()) == Content::ours) // A cover there would lie to all who look up "self".
        return Error{Code::invalid_argument, "must not cover a link of the kernel's own file systems"};
    return failed_with(found, Code::not_found) ? UniqueFd{} : std::move(found);
}

/// Where it goes: a directory, or for a bind mount of a file, a file. Both are made where missing.
Result<UniqueFd> open_target(const MountContext& context, const oci::Mount& mount, mode_t source_mode)
{
    if (sys::clean_path(mount.destination) == ".")
        return Error{Code::invalid_argument, "must not be the root"};
    if (mount.type == "proc" || mount.type == "sysfs") {
        // A link at /proc would lead our later writes there astray.
        auto there = context.root.open(mount.destination, O_PATH | O_NOFOLLOW);
        struct stat status {};
        if (there.ok() && ::fstat(there.value().get(), &status) == 0 && S_ISLNK(status.st_mode))
            return Error{Code::invalid_argument,
                         "must be mounted on ordinary directory, and that is a symbolic link in the rootfs"};
        if (there.ok() && S_ISDIR(status.st_mode))
            return there; // Not looked up once more: it could be a link by then.
    }
    if (S_ISDIR(source_mode))
        return context.root.ensure_directory(mount.destination);
    return context.root.ensure_file(mount.destination);
}

/// Where a file would cover a directory the kernel says EINVAL alone.
Status check_kinds(const UniqueFd& target, mode_t source_mode)
{
    struct stat covered {};
    if (!S_ISDIR(source_mode) && ::fstat(target.get(), &covered) == 0 && S_ISDIR(covered.st_mode))
        return Error::from_errno("the source is a file, and there is a directory in its place", ENOTDIR);
    return done();
}

bool maps_ids(const oci::Mount& mount, const MountOptions& options)
{
    return options.id_mapped || !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
}

/// Without mappings of its own a mount has those of the container's user namespace, which may be one that is joined.
Result<UniqueFd> open_mapping(const oci::Config& config, const oci::Mount& mount)
{
    bool const own = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
    for (const auto& entry : config.platform.namespaces)
        if (!own && entry.type == "user" && !entry.path.empty())
            return sys::open_file(entry.path, O_RDONLY);
    return open_user_namespace(own ? mount.uid_mappings : config.platform.uid_mappings,
                               own ? mount.gid_mappings : config.platform.gid_mappings);
}

Status map_ids(const UniqueFd& tree, const UniqueFd& user_namespace, const MountOptions& options)
{
    return sys::set_mount_attributes(tree.get(), {.set = MOUNT_ATTR_IDMAP, .user_namespace = user_namespace.get()},
                                     options.recursive_id_mapped ? Subtree::with_submounts : Subtree::this_mount)
        .context("map ids");
}

Status set_attributes(const UniqueFd& tree, const MountOptions& options)
{
    if (options.set != 0 || options.clear != 0)
        TRY(sys::set_mount_attributes(tree.get(), {.set = options.set, .clear = options.clear}, Subtree::this_mount));
    if (options.recursive_set != 0 || options.recursive_clear != 0)
        TRY(sys::set_mount_attributes(tree.get(), {.set = options.recursive_set, .clear = options.recursive_clear},
                                      Subtree::with_submounts));
    return done();
}

/// After it is attached: a detached tree has no peers to speak of.
Status set_propagation(const UniqueFd& tree, const MountOptions& options)
{
    if (options.propagation == 0)
        return done();
    return sys::set_mount_attributes(tree.get(), {.propagation = options.propagation},
                                     options.recursive_propagation ? Subtree::with_submounts : Subtree::this_mount);
}

std::string source_path(const std::string& bundle, const oci::Mount& mount)
{
    return mount.source.starts_with('/') ? mount.source : bundle + "/" + mount.source;
}

bool lies_inside(const std::string& path, const std::string& directory)
{
    auto const above = "/" + sys::clean_path(directory) + "/";
    return above != "/./" && ("/" + sys::clean_path(path) + "/").starts_with(above);
}

/// What a bind mount shows, attached nowhere.
Result<UniqueFd> make_bind(const std::string& source, const oci::Mount& mount, const MountOptions& options)
{
    if (mount.source.empty())
        return Error{Code::invalid_argument, "a bind mount needs a source"};
    auto const place = TRY(sys::open_file(source, O_PATH | (options.source_no_follow ? O_NOFOLLOW : 0)));
    bool const recursive = options.recursive_bind || mount.type == "rbind";
    auto tree = TRY(sys::clone_tree(place.get(), recursive ? Subtree::with_submounts : Subtree::this_mount));
    if (options.propagation == 0) // Else it would go on receiving what the host mounts below the source.
        TRY(sys::set_mount_attributes(tree.get(), {.propagation = MS_PRIVATE}, Subtree::with_submounts));
    TRY(set_attributes(tree, options));
    return tree;
}

/// Another directory in the place of the root: from here on it is that, and what was mounted before lies below it, out of reach.
Status bind_over_root(const MountContext& context, const UniqueFd& tree, const MountOptions& options)
{
    TRY(sys::attach_mount(tree.get(), context.root.fd()));
    TRY(set_propagation(tree, options));
    context.root = sys::RootDirectory{TRY(sys::duplicate(tree.get()))};
    return done();
}

Status bind(const MountContext& context, std::size_t index, const MountOptions& options)
{
    const auto& mount = context.config.mounts[index];
    const auto& prepared = context.prepared[index];
    UniqueFd made;
    if (!prepared.tree)
        made = TRY(make_bind(source_path(context.bundle, mount), mount, options));
    const auto& tree = made ? made : prepared.tree;
    if (prepared.user_namespace)
        TRY(map_ids(tree, prepared.user_namespace, options));
    struct stat status {};
    if (::fstat(tree.get(), &status) < 0)
        return Error::from_errno("look at " + mount.source);
    if (sys::clean_path(mount.destination) == "." && S_ISDIR(status.st_mode))
        return bind_over_root(context, tree, options);
    auto target = options.target_no_follow ? TRY(find_unfollowed(context.root, mount.destination)) : UniqueFd{};
    if (!target)
        target = TRY(open_target(context, mount, status.st_mode));
    TRY(check_kinds(target, status.st_mode));
    TRY(context.root.attach(tree, target, mount.destination, content_of(tree)));
    return set_propagation(tree, options);
}

Status remount(const MountContext& context, const oci::Mount& mount, const MountOptions& options)
{
    auto const target = TRY(context.root.find(mount.destination));
    TRY(set_attributes(target, options));
    return set_propagation(target, options);
}

/// The group of terminals ("gid=5") where it is none of the container's user namespace: then they belong to who opens them.
bool is_unknown_group(const oci::Mount& mount, const std::string& key, const Status& set)
{
    return mount.type == "devpts" && key == "gid" && !set.ok() && set.error().errnum() == EINVAL;
}

Result<UniqueFd> create_filesystem(const oci::Mount& mount, const MountOptions& options, const std::string& label)
{
    auto filesystem = TRY(sys::NewFilesystem::open(mount.type));
    if (!mount.source.empty())
        TRY(filesystem.set("source", mount.source));
    for (const auto& [key, value] : options.data) {
        auto const set = value.empty() ? filesystem.set_flag(key) : filesystem.set(key, value);
        if (!set.ok() && !is_unknown_group(mount, key, set))
            return Error{set.error()};
    }
    if (!label.empty() && (mount.type == "tmpfs" || mount.type == "devpts"))
        TRY(filesystem.set("context", label));
    return filesystem.create(options.set);
}

/// Without a network namespace of our own, or where the host hides a part of it, a user namespace gets no new sysfs: then the
/// host's, read-only with all below it, as far as our user may see.
Status bind_sysfs(const MountContext& context, const oci::Mount& mount)
{
    auto const source = TRY(sys::open_file("/sys", O_PATH | O_DIRECTORY));
    auto const tree = TRY(sys::clone_tree(source.get(), Subtree::with_submounts));
    TRY(sys::set_mount_attributes(tree.get(), {.propagation = MS_PRIVATE}, Subtree::with_submounts));
    TRY(sys::set_mount_attributes(tree.get(),
                                  {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
                                  Subtree::with_submounts));
    auto const target = TRY(open_target(context, mount, S_IFDIR));
    return context.root.attach(tree, target, mount.destination, Content::ours);
}

/// A tmpfs that is not told its mode takes that of the directory it covers.
MountOptions with_mode_of_target(const MountContext& context, const oci::Mount& mount, MountOptions options)
{
    auto const told = [](const auto& pair) { return pair.first == "mode"; };
    if (mount.type != "tmpfs" || std::any_of(options.data.begin(), options.data.end(), told))
        return options;
    auto const covered = context.root.find(mount.destination);
    struct stat status {};
    if (!covered.ok() || ::fstat(covered.value().get(), &status) < 0)
        return options;
    std::array<char, 8> mode{};
    (void)std::snprintf(mode.data(), mode.size(), "%o", status.st_mode & 07777);
    options.data.emplace_back("mode", mode.data());
    return options;
}

Status mount_filesystem(const MountContext& context, std::size_t index, const MountOptions& options)
{
    const auto& mount = context.config.mounts[index];
    if (mount.type.empty())
        return Error{Code::invalid_argument, "a mount that is no bind mount needs a type"};
    auto plain = with_mode_of_target(context, mount, options);
    if (sys::clean_path(mount.destination) == "dev")
        plain.set &= ~std::uint64_t{MOUNT_ATTR_RDONLY}; // Later: devices and mount points are still to be made there.
    auto created = create_filesystem(mount, plain, context.config.platform.mount_label);
    if (mount.type == "sysfs" && failed_with(created, Code::permission_denied) && has_user_namespace(context.config.platform))
        return bind_sysfs(context, mount);
    auto const tree = TRY(std::move(created));
    plain.set = plain.clear = 0; // Done by its creation.
    TRY(set_attributes(tree, plain));
    if (const auto& user_namespace = context.prepared[index].user_namespace)
        TRY(map_ids(tree, user_namespace, options));
    auto const target = TRY(open_target(context, mount, S_IFDIR));
    if (options.copy_up)
        TRY(copy_up(target.get(), tree.get()).context("tmpcopyup"));
    TRY(context.root.attach(tree, target, mount.destination, options.copy_up ? Content::strange : Content::ours));
    return set_propagation(tree, options);
}

/// Version 1: a directory for each hierarchy, in a file system of their own.
Status mount_cgroup(const MountContext& context, const oci::Mount& mount, const MountOptions& options)
{
    auto const attributes = options.set | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    auto const target = TRY(open_target(context, mount, S_IFDIR));
    if (sys::cgroup_layout() == sys::CgroupLayout::unified) {
        auto const tree = TRY(open_unified(context.cgroups, attributes, options.data));
        return context.root.attach(tree, target, mount.destination, Content::ours);
    }
    auto filesystem = TRY(sys::NewFilesystem::open("tmpfs"));
    TRY(filesystem.set("mode", "755"));
    auto const cover = TRY(filesystem.create(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    TRY(context.root.attach(cover, target, mount.destination, Content::ours));
    // In our own file system: nothing else is in it.
    for (const auto& hierarchy : TRY(open_hierarchies(context.cgroups, attributes)))
        TRY(sys::attach_mount_below(hierarchy.tree.get(), cover.get(), hierarchy.name).context(hierarchy.name));
    if ((options.set & MOUNT_ATTR_RDONLY) != 0)
        TRY(sys::set_mount_attributes(cover.get(), {.set = MOUNT_ATTR_RDONLY}, Subtree::this_mount));
    return done();
}

} // namespace

bool is_cgroup_mount(const oci::Mount& mount) { return mount.type == "cgroup" || mount.type == "cgroup2"; }

Status make_mount(const MountContext& context, std::size_t index)
{
    const auto& mount = context.config.mounts[index];
    auto const where = "mount " + mount.destination;
    auto const options = TRY(parse_mount_options(mount.options).context(where));
    if (options.remount)
        return remount(context, mount, options).context("re" + where);
    if (is_bind(mount, options))
        return bind(context, index, options).context(where + " from " + mount.source);
    if (is_cgroup_mount(mount))
        return mount_cgroup(context, mount, options).context(where);
    return mount_filesystem(context, index, options).context(where);
}

namespace {

/// With the caller's rights. What is shared with the host stays its follower: what a user namespace mounts must not appear there.
Result<UniqueFd> bind_as_caller(const std::string& source, const oci::Mount& mount, const MountOptions& options)
{
    auto tree = TRY(make_bind(source, mount, options));
    if (options.propagation != 0)
        TRY(sys::set_mount_attributes(tree.get(), {.propagation = MS_SLAVE}, Subtree::with_submounts));
    return tree;
}

Result<PreparedMount> prepare_mount(const oci::Config& config, const std::string& bundle, const oci::Mount& mount,
                                    const MountOptions& options, const std::string& rootfs)
{
    PreparedMount prepared;
    auto const source = source_path(bundle, mount);
    bool const maps = maps_ids(mount, options);
    if (maps)
        prepared.user_namespace = TRY(open_mapping(config, mount));
    if (!is_bind(mount, options) || lies_inside(source, rootfs) || !(maps || has_user_namespace(config.platform)))
        return prepared;
    auto tree = has_user_namespace(config.platform) ? bind_as_caller(source, mount, options) : make_bind(source, mount, options);
    if (failed_with(tree, Code::permission_denied) && !maps)
        return prepared; // Without privilege nothing is lost: the user namespace is the caller's own.
    prepared.tree = TRY(std::move(tree));
    if (maps)
        TRY(map_ids(prepared.tree, prepared.user_namespace, options));
    prepared.user_namespace.reset();
    return prepared;
}

} // namespace

Result<std::vector<PreparedMount>> prepare_mounts(const oci::Config& config, const std::string& bundle, const std::string& rootfs)
{
    std::vector<PreparedMount> prepared(config.mounts.size());
    for (std::size_t i = 0; i < prepared.size(); ++i) {
        const auto& mount = config.mounts[i];
        auto const place = "mounts[" + std::to_string(i) + "]: mount " + mount.destination;
        auto const options = TRY(parse_mount_options(mount.options).context(place));
        if (!options.remount)
            prepared[i] = TRY(prepare_mount(config, bundle, mount, options, rootfs).context(place + " from " + mount.source));
    }
    return prepared;
}

void strip_rootfs(oci::Config& config, const std::string& rootfs)
{
    for (auto& mount : config.mounts)
        if (lies_inside(mount.destination, rootfs))
            mount.destination = "/" + sys::clean_path(mount.destination).substr(sys::clean_path(rootfs).size());
}

} // namespace nova::runtime
