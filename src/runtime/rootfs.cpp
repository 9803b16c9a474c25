#include "runtime/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/mount_api.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using sys::Subtree;
namespace oci = model::oci;

namespace {

std::uint64_t propagation_of(std::string name)
{
    if (!name.empty() && name.front() == 'r')
        name.erase(0, 1);
    if (name == "shared")
        return MS_SHARED;
    if (name == "slave")
        return MS_SLAVE;
    if (name == "unbindable")
        return MS_UNBINDABLE;
    return name == "private" ? MS_PRIVATE : 0;
}

/// As the kernel writes paths in mountinfo: "\\040" is a space.
std::string unescape(const std::string& text)
{
    std::string path;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || text.size() - i < 4) {
            path += text[i];
            continue;
        }
        path += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
        i += 3;
    }
    return path;
}

/// Without pivot_root(2) the host's mounts stay in the namespace, below ours. As long as its whole /proc and /sys are among them
/// the kernel lets whoever makes a user namespace inside mount new ones, without what we masked.
Status take_away_kernel_views(const std::string& rootfs)
{
    auto const text = TRY(sys::read_file("/proc/self/mountinfo", 16u << 20));
    auto lines = base::split(text, '\n');
    std::reverse(lines.begin(), lines.end()); // What was mounted last lies above.
    for (const auto& line : lines) {
        auto const words = base::split(line, ' ');
        auto const dash = std::find(words.begin(), words.end(), "-");
        if (words.size() < 5 || words.end() - dash < 2 || (*(dash + 1) != "proc" && *(dash + 1) != "sysfs"))
            continue;
        auto const place = unescape(words[4]);
        if ((place + "/").starts_with(rootfs + "/"))
            continue;
        if (::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == ENOENT)
            continue;
        auto filesystem = TRY(sys::NewFilesystem::open("tmpfs")); // Not ours to take down: a cover hides as much.
        auto const cover = TRY(filesystem.create(MOUNT_ATTR_RDONLY));
        TRY(sys::attach_mount(cover.get(), TRY(sys::open_file(place, O_PATH | O_NOFOLLOW)).get()).context("cover " + place));
    }
    return done();
}

} // namespace

Result<sys::RootDirectory> open_rootfs(const std::string& rootfs, const oci::Config& config)
{
    // Before anything is mounted: else it would appear on the host. A slave still sees what the host mounts later.
    auto const asked = propagation_of(config.platform.rootfs_propagation);
    std::uint64_t const cut = asked == MS_PRIVATE || asked == MS_UNBINDABLE ? MS_PRIVATE : MS_SLAVE;
    TRY(sys::set_mount_attributes("/", {.propagation = cut}, Subtree::with_submounts).context("cut the host's mounts off"));
    auto copy = TRY(sys::clone_tree(rootfs, Subtree::with_submounts).context("rootfs"));
    auto const place = TRY(sys::open_file(rootfs, O_PATH | O_DIRECTORY).context("rootfs"));
    TRY(sys::attach_mount(copy.get(), place.get()).context("mount rootfs " + rootfs));
    return sys::RootDirectory{std::move(copy)};
}

Status enter_rootfs(const sys::RootDirectory& root, const oci::Config& config, const std::string& rootfs, RootSwitch how)
{
    if (how == RootSwitch::move)
        TRY(take_away_kernel_views(rootfs).context("--no-pivot"));
    TRY(how == RootSwitch::pivot ? sys::pivot_into(root.fd()) : sys::move_root_into(root.fd()));
    auto const& name = config.platform.rootfs_propagation;
    if (auto const propagation = propagation_of(name)) {
        auto const subtree = name.front() == 'r' ? Subtree::with_submounts : Subtree::this_mount;
        TRY(sys::set_mount_attributes("/", {.propagation = propagation}, subtree).context("linux.rootfsPropagation"));
    }
    return done();
}

Status make_rootfs_read_only(const sys::RootDirectory& root)
{
    return sys::set_mount_attributes(root.fd(), {.set = MOUNT_ATTR_RDONLY}, Subtree::this_mount)
        .context("make the root read-only");
}

} // namespace nova::runtime
