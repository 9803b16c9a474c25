#include "sys/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace nova::sys {

using base::Error;

namespace {

Result<UniqueFd> open_resolved(int root, const std::string& path, int flags, unsigned mode, unsigned long long resolve)
{
    struct open_how how {};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = resolve;
    while (true) {
        // EAGAIN: something in the tree moved while the kernel looked for "..": it asks us to look again.
        auto const fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        if (fd >= 0)
            return UniqueFd{static_cast<int>(fd)};
        if (errno == EAGAIN || errno == EINTR)
            continue;
        int const errnum = errno;
        return Error::from_errno("open " + path, errnum);
    }
}

} // namespace

Result<UniqueFd> open_in_root(int root, const std::string& path, int flags, unsigned mode)
{
    return open_resolved(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_without_links(int root, const std::string& path, int flags)
{
    return open_resolved(root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_beneath(int root, const std::string& path, int flags, unsigned mode)
{
    return open_resolved(root, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_on_one_mount(int root, const std::string& path, int flags)
{
    return open_resolved(root, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
}

} // namespace nova::sys
