#include "sys/cgroup_watch.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sys/file.h"

namespace nova::sys {

using base::Error;

Result<UniqueFd> watch_legacy_memory(const std::string& directory, const std::string& file, const std::string& arguments)
{
    auto const watched = TRY(open_file(directory + "/" + file, O_RDONLY));
    UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!event)
        return Error::from_errno("make an event");
    auto text = std::to_string(event.get()) + " " + std::to_string(watched.get());
    if (!arguments.empty())
        text += " " + arguments;
    TRY(write_kernel_file(directory + "/cgroup.event_control", text));
    return event;
}

Result<UniqueFd> watch_pressure(const std::string& directory, const std::string& resource, const PressureLevel& level)
{
    auto const path = directory + "/" + resource + ".pressure";
    auto trigger = TRY(open_file(path, O_RDWR | O_NONBLOCK)); // The trigger lives as long as the descriptor.
    auto const text = level.share + " " + std::to_string(level.stall.count()) + " " + std::to_string(level.window.count());
    if (::write(trigger.get(), text.c_str(), text.size() + 1) < 0) {
        int const errnum = errno;
        return Error::from_errno("watch " + path + " for " + text, errnum);
    }
    return trigger;
}

} // namespace nova::sys
