#include "sys/mount_api.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace nova::sys {

using base::Error;

namespace {

Result<UniqueFd> clone_at(int directory, const char* path, unsigned flags, Subtree subtree)
{
    flags |= OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if (subtree == Subtree::with_submounts)
        flags |= AT_RECURSIVE;
    UniqueFd fd{static_cast<int>(::syscall(SYS_open_tree, directory, path, flags))};
    if (!fd) {
        int const errnum = errno;
        return Error::from_errno(std::string{"clone the mount of "} + (*path ? path : "a descriptor"), errnum);
    }
    return fd;
}

Status set_attributes(int directory, const char* path, unsigned flags, const MountAttributes& attributes, Subtree subtree)
{
    struct mount_attr raw {};
    raw.attr_set = attributes.set;
    raw.attr_clr = attributes.clear;
    raw.propagation = attributes.propagation;
    if (attributes.user_namespace >= 0)
        raw.userns_fd = static_cast<std::uint64_t>(attributes.user_namespace);
    if (subtree == Subtree::with_submounts)
        flags |= AT_RECURSIVE;
    if (::syscall(SYS_mount_setattr, directory, path, flags, &raw, sizeof raw) < 0)
        return Error::from_errno("set the mount's attributes");
    return base::done();
}

} // namespace

Result<UniqueFd> clone_tree(const std::string& path, Subtree subtree) { return clone_at(AT_FDCWD, path.c_str(), 0, subtree); }

Result<UniqueFd> clone_tree(int fd, Subtree subtree) { return clone_at(fd, "", AT_EMPTY_PATH, subtree); }

Status attach_mount(int mount, int target)
{
    if (::syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return Error::from_errno("attach the mount");
    return base::done();
}

Status attach_mount_below(int mount, int directory, const std::string& name)
{
    if (::mkdirat(directory, name.c_str(), 0755) < 0 && errno != EEXIST)
        return Error::from_errno("make a directory to mount onto");
    if (::syscall(SYS_move_mount, mount, "", directory, name.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return Error::from_errno("attach the mount");
    return base::done();
}

Status set_mount_attributes(int mount, const MountAttributes& attributes, Subtree subtree)
{
    return set_attributes(mount, "", AT_EMPTY_PATH, attributes, subtree);
}

Status set_mount_attributes(const std::string& path, const MountAttributes& attributes, Subtree subtree)
{
    return set_attributes(AT_FDCWD, path.c_str(), 0, attributes, subtree);
}

Error NewFilesystem::failure(const std::string& doing) const
{
    int const errnum = errno;
    char message[512];
    auto const count = ::read(context_.get(), message, sizeof message);
    auto error = Error::from_errno(doing, errnum);
    if (count <= 2)
        return error;
    std::string said{message + 2, static_cast<std::size_t>(count - 2)}; // After "e " for an error, "w " for a warning.
    while (!said.empty() && said.back() == '\n')
        said.pop_back();
    return std::move(error).context(said);
}

Result<NewFilesystem> NewFilesystem::open(const std::string& type)
{
    UniqueFd context{static_cast<int>(::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC))};
    if (!context) {
        int const errnum = errno;
        return Error::from_errno("open file system " + type, errnum);
    }
    return NewFilesystem{std::move(context), type};
}

Status NewFilesystem::set(const std::string& key, const std::string& value)
{
    if (::syscall(SYS_fsconfig, context_.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) < 0)
        return failure("set " + key + "=" + value + " of " + type_);
    return base::done();
}

Status NewFilesystem::set_flag(const std::string& key)
{
    if (::syscall(SYS_fsconfig, context_.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) < 0)
        return failure("set " + key + " of " + type_);
    return base::done();
}

Result<UniqueFd> NewFilesystem::create(std::uint64_t attributes)
{
    if (::syscall(SYS_fsconfig, context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        return failure("create file system " + type_);
    UniqueFd mount{static_cast<int>(::syscall(SYS_fsmount, context_.get(), FSMOUNT_CLOEXEC, attributes))};
    if (!mount)
        return failure("mount file system " + type_);
    return mount;
}

Status pivot_into(int new_root)
{
    UniqueFd const old_root{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!old_root)
        return Error::from_errno("open the old root");
    if (::fchdir(new_root) < 0)
        return Error::from_errno("enter the new root");
    if (::syscall(SYS_pivot_root, ".", ".") < 0)
        return Error::from_errno("pivot_root");
    // The old root now lies over the new one at "/": take it away, without telling its peers outside.
    if (::fchdir(old_root.get()) < 0)
        return Error::from_errno("enter the old root");
    if (::mount(nullptr, ".", nullptr, MS_SLAVE | MS_REC, nullptr) < 0)
        return Error::from_errno("cut the old root off");
    if (::umount2(".", MNT_DETACH) < 0)
        return Error::from_errno("unmount the old root");
    if (::chdir("/") < 0)
        return Error::from_errno("enter the new root");
    return base::done();
}

Status move_root_into(int new_root)
{
    if (::fchdir(new_root) < 0)
        return Error::from_errno("enter the new root");
    if (::mount(".", "/", nullptr, MS_MOVE, nullptr) < 0)
        return Error::from_errno("move the new root over /");
    if (::chroot(".") < 0)
        return Error::from_errno("chroot");
    if (::chdir("/") < 0)
        return Error::from_errno("enter the new root");
    return base::done();
}

Status mount_legacy(const std::string& source, int target, const std::string& type, unsigned long flags, const std::string& data)
{
    auto const path = "/proc/self/fd/" + std::to_string(target);
    if (::mount(source.empty() ? nullptr : source.c_str(), path.c_str(), type.empty() ? nullptr : type.c_str(), flags,
                data.empty() ? nullptr : data.c_str()) < 0) {
        int const errnum = errno;
        return Error::from_errno("mount " + (type.empty() ? source : type), errnum);
    }
    return base::done();
}

} // namespace nova::sys
