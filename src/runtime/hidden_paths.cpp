#include "runtime/hidden_paths.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sys/file.h"
#include "sys/mount_api.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Result;
using sys::Subtree;
using sys::UniqueFd;
using Content = sys::RootDirectory::Content;

namespace {

bool is_directory(int fd)
{
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

/// Errors: failed_precondition - something else lies there (CVE-2025-31133).
Result<UniqueFd> open_null_device()
{
    auto null = TRY(sys::open_file("/dev/null", O_PATH | O_NOFOLLOW));
    struct stat status {};
    if (::fstat(null.get(), &status) < 0 || !S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
        return Error{Code::failed_precondition, "/dev/null is not the null device"};
    return null;
}

/// Nothing to follow on the host, and criu can't restore a mount that follows a file.
Result<UniqueFd> make_file_cover()
{
    auto const null = TRY(open_null_device());
    auto cover = TRY(sys::clone_tree(null.get(), Subtree::this_mount));
    TRY(sys::set_mount_attributes(cover.get(), {.propagation = MS_PRIVATE}, Subtree::this_mount));
    return cover;
}

Result<UniqueFd> make_directory_cover()
{
    auto filesystem = TRY(sys::NewFilesystem::open("tmpfs"));
    TRY(filesystem.set("size", "0"));
    TRY(filesystem.set("nr_inodes", "1"));
    return filesystem.create(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/// The path's handle; empty where nothing lies there.
Result<UniqueFd> find_path(const sys::RootDirectory& root, const std::string& path)
{
    auto found = root.find(path);
    if (failed_with(found, Code::not_found) || (!found.ok() && found.error().errnum() == ENOTDIR))
        return UniqueFd{};
    return found;
}

Status make_read_only(sys::RootDirectory& root, const std::string& path, const UniqueFd& target)
{
    auto const content = root.holds(path) ? Content::ours : Content::strange;
    auto const copy = TRY(sys::clone_tree(target.get(), Subtree::with_submounts));
    TRY(sys::set_mount_attributes(copy.get(), {.set = MOUNT_ATTR_RDONLY}, Subtree::with_submounts));
    return root.attach(copy, target, path, content);
}

} // namespace

/// A mount is made for the first path and copied for the others.
Status HiddenPaths::cover(const UniqueFd& target)
{
    bool const directory = is_directory(target.get());
    auto& made = directory ? directory_cover_ : file_cover_;
    if (made) {
        auto const copy = TRY(sys::clone_tree(made.get(), Subtree::this_mount));
        return sys::attach_mount(copy.get(), target.get());
    }
    made = TRY(directory ? make_directory_cover() : make_file_cover());
    return sys::attach_mount(made.get(), target.get());
}

Status HiddenPaths::hide_if(const Choice& chosen)
{
    for (const auto& path : config_.readonly_paths)
        if (chosen(path))
            if (auto const target = TRY(find_path(root_, path).context("linux.readonlyPaths")))
                TRY(make_read_only(root_, path, target).context("linux.readonlyPaths: " + path));
    for (const auto& path : config_.masked_paths)
        if (chosen(path) && masked_.insert(sys::clean_path(path)).second)
            if (auto const target = TRY(find_path(root_, path).context("linux.maskedPaths")))
                TRY(cover(target).context("linux.maskedPaths: " + path));
    return done();
}

Status HiddenPaths::hide_in_proc()
{
    proc_is_done_ = true;
    return hide_if(is_in_proc);
}

Status HiddenPaths::hide_rest()
{
    return hide_if([this](const std::string& path) { return !proc_is_done_ || !is_in_proc(path); });
}

bool HiddenPaths::is_in_proc(const std::string& path) { return sys::clean_path(path).starts_with("proc/"); }

} // namespace nova::runtime
