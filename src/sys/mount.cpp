#include "sys/mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t kernel_most_layers = 500; // OVL_MAX_STACK
constexpr int most_stacked = 64;

Error failed(const char* doing, const std::string& what)
{
    int const errnum = errno;
    return Error::from_errno(std::string{doing} + " " + what, errnum);
}

/// A directory with a name that is short and has no colon or comma in it, however its path looks.
struct HeldDirectory {
    UniqueFd fd;
    std::string name() const { return "/proc/self/fd/" + std::to_string(fd.get()); }
};

struct HeldLayers {
    std::vector<HeldDirectory> lower;
    HeldDirectory upper, work;
};

Result<HeldDirectory> hold(const std::string& path)
{
    return HeldDirectory{TRY(open_file(path, O_PATH | O_DIRECTORY | O_NOFOLLOW))};
}

Result<HeldLayers> hold(const OverlayLayers& layers)
{
    HeldLayers held;
    for (const auto& path : layers.lower)
        held.lower.push_back(TRY(hold(path)));
    held.upper = TRY(hold(layers.upper));
    held.work = TRY(hold(layers.work));
    return held;
}

/// What mountinfo shows later is the text given here, so the real path is better where the kernel takes one (255 bytes).
std::string shown(const std::string& path, const HeldDirectory& held) { return path.size() < 256 ? path : held.name(); }

Status set_option(int context, const char* key, const std::string& value)
{
    if (::fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) < 0)
        return failed(key, value);
    return base::done();
}

/// lowerdir+ came with Linux 6.5. Older ones say EINVAL, some only when the overlay is made.
Status mount_one_by_one(const std::string& target, const OverlayLayers& layers, const HeldLayers& held)
{
    UniqueFd const context{::fsopen("overlay", FSOPEN_CLOEXEC)};
    if (!context)
        return Error::from_errno("open an overlay");
    for (std::size_t i = 0; i < layers.lower.size(); ++i)
        TRY(set_option(context.get(), "lowerdir+", shown(layers.lower[i], held.lower[i])));
    TRY(set_option(context.get(), "upperdir", shown(layers.upper, held.upper)));
    TRY(set_option(context.get(), "workdir", shown(layers.work, held.work)));
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        return Error::from_errno("make the overlay");
    UniqueFd const mount{::fsmount(context.get(), FSMOUNT_CLOEXEC, 0)};
    if (!mount)
        return Error::from_errno("make a mount of the overlay");
    if (::move_mount(mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return Error::from_errno("attach the overlay");
    return base::done();
}

/// For older kernels: one text of at most a page, into which short names of descriptors make some 200 layers fit.
Status mount_with_one_text(const std::string& target, const HeldLayers& held)
{
    std::string options = "lowerdir=";
    for (const auto& lower : held.lower)
        options += (options.back() == '=' ? "" : ":") + lower.name();
    options += ",upperdir=" + held.upper.name() + ",workdir=" + held.work.name();
    if (options.size() >= static_cast<std::size_t>(::getpagesize()))
        return Error{Code::resource_exhausted, "more layers than this kernel takes: " + std::to_string(held.lower.size())};
    if (::mount("overlay", target.c_str(), "overlay", 0, options.c_str()) < 0)
        return Error::from_errno("mount(2)");
    return base::done();
}

} // namespace

Result<Mount> Mount::made_private(const std::string& target)
{
    Mount mount{target};
    // Else what a capsule mounts inside would spread to the host where "/" is shared.
    if (::mount("", target.c_str(), nullptr, MS_PRIVATE, nullptr) < 0)
        return failed("make private", target);
    return mount;
}

Result<Mount> Mount::overlay(const std::string& target, const OverlayLayers& layers)
{
    auto const doing = "mount overlay on " + target;
    if (layers.lower.size() > kernel_most_layers)
        return Error{Code::resource_exhausted,
                     doing + ": " + std::to_string(layers.lower.size()) + " layers, the kernel takes 500"};
    auto const held = TRY(hold(layers).context(doing));
    auto mounted = mount_one_by_one(target, layers, held);
    if (!mounted.ok() && mounted.error().errnum() == EINVAL)
        mounted = mount_with_one_text(target, held);
    TRY(std::move(mounted).context(doing));
    return made_private(target);
}

Result<Mount> Mount::bind(const std::string& source, const std::string& target)
{
    if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) < 0)
        return failed("bind a directory to", target);
    return made_private(target);
}

Result<Mount> Mount::tmpfs(const std::string& target, std::uint64_t size_bytes)
{
    auto const options = "size=" + std::to_string(size_bytes);
    if (::mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) < 0)
        return failed("mount tmpfs on", target);
    return made_private(target);
}

Mount::~Mount()
{
    if (!target_.empty())
        ::umount2(target_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

Status Mount::unmount() &&
{
    auto const target = std::exchange(target_, {});
    if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) < 0)
        return failed("unmount", target);
    return base::done();
}

Result<bool> is_mounted(const std::string& path)
{
    struct statx found {};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &found) < 0) {
        if (errno == ENOENT)
            return false;
        return failed("look at", path);
    }
    return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Status ensure_unmounted(const std::string& path)
{
    for (int tries = 0; tries < most_stacked; ++tries) {
        if (!TRY(is_mounted(path)))
            return base::done();
        if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0)
            continue;
        if (errno != EBUSY || ::umount2(path.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
            return failed("unmount", path);
    }
    return Error{Code::failed_precondition, "unmount " + path + ": something mounts there again and again"};
}

} // namespace nova::sys
