#include "sys/netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include <cstring>

#include "sys/file.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

bool is_namespace(int fd)
{
    struct statfs found {};
    return ::fstatfs(fd, &found) == 0 && found.f_type == NSFS_MAGIC;
}

} // namespace

Status enter_new_netns()
{
    if (::unshare(CLONE_NEWNET) < 0)
        return Error::from_errno("make a network namespace");
    return base::done();
}

Status enter_netns(int fd)
{
    if (::setns(fd, CLONE_NEWNET) < 0)
        return Error::from_errno("enter network namespace");
    return base::done();
}

Result<UniqueFd> open_own_netns()
{
    // A socket knows its namespace; the way through /proc makes five directories' entries, which takes ten times as long.
    UniqueFd const socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (UniqueFd found{socket ? ::ioctl(socket.get(), SIOCGSKNS) : -1}; found)
        return found;                                       // Closed on exec.
    return open_file("/proc/thread-self/ns/net", O_RDONLY); // Without privilege in that namespace.
}

Status raise_loopback()
{
    UniqueFd const socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    struct ifreq request {};
    std::strcpy(request.ifr_name, "lo"); // As the kernel names it in every new namespace.
    request.ifr_flags = IFF_UP;
    if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) < 0)
        return Error::from_errno("raise the loopback");
    return base::done();
}

Result<std::uint64_t> own_netns_cookie()
{
    UniqueFd const socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (!socket || ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
        return Error::from_errno("ask for the network namespace's cookie");
    return cookie;
}

Result<UniqueFd> open_pinned_netns(const std::string& path)
{
    auto file = TRY(open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!is_namespace(file.get()))
        return Error{Code::failed_precondition, path + ": no namespace is mounted here"};
    return file;
}

bool is_pinned_netns(const std::string& path) { return open_pinned_netns(path).ok(); }

Status pin_netns(int fd, const std::string& path)
{
    TRY(open_file(path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0444));
    auto const source = "/proc/self/fd/" + std::to_string(fd);
    if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0) {
        int const errnum = errno;
        return Error::from_errno("pin network namespace at " + path, errnum);
    }
    return base::done();
}

Status unpin_netns(const std::string& path)
{
    // A crash may have left several mounts on top of each other. EINVAL: nothing is mounted there.
    while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    if (errno != EINVAL && errno != ENOENT) {
        int const errnum = errno;
        return Error::from_errno("release network namespace " + path, errnum);
    }
    return remove_file(path);
}

} // namespace nova::sys
