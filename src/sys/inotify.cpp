#include "sys/inotify.h"

#include <sys/inotify.h>
#include <unistd.h>

namespace nova::sys {

using base::Error;

Result<Inotify> Inotify::open()
{
    UniqueFd fd{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (!fd)
        return Error::from_errno("watch files");
    return Inotify{std::move(fd)};
}

Result<int> Inotify::watch(const std::string& path, unsigned mask)
{
    int const number = ::inotify_add_watch(fd_.get(), path.c_str(), mask);
    if (number < 0) {
        int const errnum = errno;
        return Error::from_errno("watch " + path, errnum);
    }
    return number;
}

Result<int> Inotify::watch_content(const std::string& path)
{
    return watch(path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB);
}

Result<int> Inotify::watch_new_names(const std::string& directory)
{
    return watch(directory, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

void Inotify::unwatch(int number) { ::inotify_rm_watch(fd_.get(), number); }

bool Inotify::take()
{
    alignas(inotify_event) char buffer[4096];
    bool any = false;
    while (::read(fd_.get(), buffer, sizeof buffer) > 0)
        any = true;
    return any;
}

} // namespace nova::sys
