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
            return Error{Code::invalid_argument, "is a symbolic link in the rootfs"};
        if (there.ok() && S_ISDIR(status.st_mode))
            return there; // Not looked up once more: it could be a link by then.
    }
    if (S_ISDIR(source_mode))
        return context.root.ensure_directory(mount.destination);
    return context.root.ensure_file(mount.destination);
}

bool maps_ids(const oci::Mount& mount, const MountOptions& options)
{
    return options.id_mapped || !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
}

/// Without mappings of its own a mount has those of the container's user namespace.
Status set_attributes(const UniqueFd& tree, const oci::Config& config, const oci::Mount& mount, const MountOptions& options)
{
    if (options.set != 0 || options.clear != 0)
        TRY(sys::set_mount_attributes(tree.get(), {.set = options.set, .clear = options.clear}, Subtree::this_mount));
    if (options.recursive_set != 0 || options.recursive_clear != 0)
        TRY(sys::set_mount_attributes(tree.get(), {.set = options.recursive_set, .clear = options.recursive_clear},
                                      Subtree::with_submounts));
    if (maps_ids(mount, options)) {
        bool const own = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
        auto const user_namespace = TRY(open_user_namespace(own ? mount.uid_mappings : config.platform.uid_mappings,
                                                            own ? mount.gid_mappings : config.platform.gid_mappings));
        TRY(sys::set_mount_attributes(tree.get(), {.set = MOUNT_ATTR_IDMAP, .user_namespace = user_namespace.get()},
                                      options.recursive_id_mapped ? Subtree::with_submounts : Subtree::this_mount)
                .context("map ids"));
    }
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

Result<UniqueFd> open_source(const std::string& bundle, const oci::Mount& mount, const MountOptions& options)
{
    if (mount.source.empty())
        return Error{Code::invalid_argument, "a bind mount needs a source"};
    auto const path = mount.source.front() == '/' ? mount.source : bundle + "/" + mount.source;
    return sys::open_file(path, O_PATH | (options.source_no_follow ? O_NOFOLLOW : 0));
}

/// What a bind mount shows, attached nowhere.
Result<UniqueFd> make_bind(const oci::Config& config, const std::string& bundle, const oci::Mount& mount,
                           const MountOptions& options)
{
    auto const source = TRY(open_source(bundle, mount, options));
    bool const recursive = options.recursive_bind || mount.type == "rbind";
    auto tree = TRY(sys::clone_tree(source.get(), recursive ? Subtree::with_submounts : Subtree::this_mount));
    if (options.propagation == 0) // Else it would go on receiving what the host mounts below the source.
        TRY(sys::set_mount_attributes(tree.get(), {.propagation = MS_PRIVATE}, Subtree::with_submounts));
    TRY(set_attributes(tree, config, mount, options));
    return tree;
}

/// Of those that are bound, the kernel's own views are nobody's to fill.
Content content_of(const UniqueFd& tree)
{
    struct statfs filesystem {};
    bool const views_kernel =
        ::fstatfs(tree.get(), &filesystem) == 0 && (filesystem.f_type == PROC_SUPER_MAGIC || filesystem.f_type == SYSFS_MAGIC);
    return views_kernel ? Content::ours : Content::strange;
}

Status bind(const MountContext& context, std::size_t index, const MountOptions& options)
{
    const auto& mount = context.config.mounts[index];
    UniqueFd made;
    if (!context.prepared[index])
        made = TRY(make_bind(context.config, context.bundle, mount, options));
    const auto& tree = made ? made : context.prepared[index];
    struct stat status {};
    if (::fstat(tree.get(), &status) < 0)
        return Error::from_errno("look at " + mount.source);
    auto const target = TRY(open_target(context, mount, status.st_mode));
    TRY(context.root.attach(tree, target, mount.destination, content_of(tree)));
    return set_propagation(tree, options);
}

Status remount(const MountContext& context, const oci::Mount& mount, const MountOptions& options)
{
    auto const target = TRY(context.root.find(mount.destination));
    TRY(set_attributes(target, context.config, mount, options));
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

bool has_user_namespace(const oci::Config& config)
{
    for (const auto& entry : config.platform.namespaces)
        if (entry.type == "user")
            return true;
    return false;
}

/// A tmpfs that is not told its mode takes that of the directory it covers.
MountOptions with_mode_of_target(const MountContext& context, const oci::Mount& mount, MountOptions options)
{
    auto const covered = context.root.find(mount.destination);
    auto const told = [](const auto& pair) { return pair.first == "mode"; };
    struct stat status {};
    if (mount.type != "tmpfs" || !covered.ok() || ::fstat(covered.value().get(), &status) < 0 ||
        std::any_of(options.data.begin(), options.data.end(), told))
        return options;
    std::array<char, 8> mode{};
    (void)std::snprintf(mode.data(), mode.size(), "%o", status.st_mode & 07777);
    options.data.emplace_back("mode", mode.data());
    return options;
}

Status mount_filesystem(const MountContext& context, const oci::Mount& mount, const MountOptions& options)
{
    if (mount.type.empty())
        return Error{Code::invalid_argument, "a mount that is no bind mount needs a type"};
    auto plain = with_mode_of_target(context, mount, options);
    if (sys::clean_path(mount.destination) == "dev")
        plain.set &= ~std::uint64_t{MOUNT_ATTR_RDONLY}; // Later: devices and mount points are still to be made there.
    auto created = create_filesystem(mount, plain, context.config.platform.mount_label);
    if (mount.type == "sysfs" && failed_with(created, Code::permission_denied) && has_user_namespace(context.config))
        return bind_sysfs(context, mount);
    auto const tree = TRY(std::move(created));
    plain.set = plain.clear = 0; // Done by its creation.
    TRY(set_attributes(tree, context.config, mount, plain));
    auto const target = TRY(open_target(context, mount, S_IFDIR));
    if (options.copy_up)
        TRY(copy_up(target.get(), tree.get()).context("tmpcopyup"));
    TRY(context.root.attach(tree, target, mount.destination, options.copy_up ? Content::strange : Content::ours));
    return set_propagation(tree, options);
}

/// The container's own part of one hierarchy: by the namespace, or where it has none, by a bind mount.
Result<UniqueFd> open_hierarchy(const MountContext& context, const std::string& controller, const MountOptions& options)
{
    auto const attributes = options.set | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    bool const unified = controller.empty();
    if (context.own_cgroup_namespace) {
        auto filesystem = TRY(sys::NewFilesystem::open(unified ? "cgroup2" : "cgroup"));
        if (!unified)
            TRY(controller == "systemd" ? filesystem.set("name", controller) : filesystem.set_flag(controller));
        return filesystem.create(attributes);
    }
    auto const place = sys::Cgroup::at(context.cgroup, {controller}).directory(controller);
    auto tree = TRY(sys::clone_tree(place, Subtree::with_submounts));
    TRY(sys::set_mount_attributes(tree.get(), {.set = attributes}, Subtree::with_submounts));
    return tree;
}

Status mount_cgroup(const MountContext& context, const oci::Mount& mount, const MountOptions& options)
{
    auto const target = TRY(open_target(context, mount, S_IFDIR));
    if (sys::cgroup_layout() == sys::CgroupLayout::unified) {
        auto const tree = TRY(open_hierarchy(context, "", options));
        return context.root.attach(tree, target, mount.destination, Content::ours);
    }
    auto filesystem = TRY(sys::NewFilesystem::open("tmpfs"));
    TRY(filesystem.set("mode", "755"));
    auto const cover = TRY(filesystem.create(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    TRY(context.root.attach(cover, target, mount.destination, Content::ours));
    for (const auto& controller : sys::cgroup_controllers()) {
        auto const tree = open_hierarchy(context, controller, options);
        if (failed_with(tree, Code::not_found))
            continue; // The container takes no part in it.
        if (!tree.ok())
            return Error{tree.error()}.context(controller);
        auto const place = TRY(sys::make_directory_at(cover.get(), controller)); // Our own file system: nothing else is in it.
        TRY(sys::attach_mount(tree.value().get(), place.get()).context(controller));
    }
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
    return mount_filesystem(context, mount, options).context(where);
}

Result<std::vector<UniqueFd>> prepare_mounts(const oci::Config& config, const std::string& bundle)
{
    std::vector<UniqueFd> prepared(config.mounts.size());
    for (std::size_t i = 0; i < prepared.size(); ++i) {
        const auto& mount = config.mounts[i];
        auto const place = "mounts[" + std::to_string(i) + "]: mount " + mount.destination;
        auto const options = TRY(parse_mount_options(mount.options).context(place));
        if (is_bind(mount, options) && !options.remount && maps_ids(mount, options))
            prepared[i] = TRY(make_bind(config, bundle, mount, options).context(place + " from " + mount.source));
    }
    return prepared;
}

} // namespace nova::runtime
