#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

/// The kernel's mount interface on descriptors: what is mounted, and where, is never looked up by name twice.
namespace nova::sys {

using base::Result;
using base::Status;

enum class Subtree { this_mount, with_submounts };

/// A copy of the mount that holds `path`, attached nowhere (open_tree with OPEN_TREE_CLONE). It goes with its descriptor.
Result<UniqueFd> clone_tree(const std::string& path, Subtree subtree);
Result<UniqueFd> clone_tree(int fd, Subtree subtree);

/// Attaches a detached mount onto the file or directory that `target` stands for.
Status attach_mount(int mount, int target);
/// The same onto a directory of that name below another one, which is made where it is missing. A link is not followed.
Status attach_mount_below(int mount, int directory, const std::string& name);

/// What mount_setattr(2) changes: MOUNT_ATTR_* in set and clear, one of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0.
struct MountAttributes {
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
    std::uint64_t propagation = 0;
    int user_namespace = -1; ///< With MOUNT_ATTR_IDMAP in set.
};
Status set_mount_attributes(int mount, const MountAttributes& attributes, Subtree subtree);
Status set_mount_attributes(const std::string& path, const MountAttributes& attributes, Subtree subtree);

/// A file system that is being configured (fsopen). Errors carry what the kernel wrote into the context.
class NewFilesystem {
public:
    static Result<NewFilesystem> open(const std::string& type);

    Status set(const std::string& key, const std::string& value);
    Status set_flag(const std::string& key);

    /// The mount, attached nowhere. `attributes`: MOUNT_ATTR_*.
    Result<UniqueFd> create(std::uint64_t attributes);

private:
    NewFilesystem(UniqueFd context, std::string type) : context_(std::move(context)), type_(std::move(type)) {}
    base::Error failure(const std::string& doing) const;

    UniqueFd context_;
    std::string type_;
};

/// Where in a mount namespace the root lies: makes `new_root` the root of ours, and takes the old one down.
Status pivot_into(int new_root);
/// The same without pivot_root(2), where the old root is an initramfs: moves the mount over "/".
Status move_root_into(int new_root);

/// mount(2) for what the new interface cannot do. Empty texts are passed as null.
Status mount_legacy(const std::string& source, int target, const std::string& type, unsigned long flags, const std::string& data);

} // namespace nova::sys
