#include "runtime/launch_command.h"

#include <limits.h>
#include <stdlib.h>

#include "runtime/remove.h"
#include "runtime/terminal_relay.h"

namespace nova::runtime {

Result<std::string> bundle_of(const Arguments& arguments)
{
    char bundle[PATH_MAX];
    auto const asked = arguments.get("bundle", ".");
    if (!::realpath(asked.c_str(), bundle))
        return base::Error::from_errno("--bundle " + asked);
    return std::string{bundle};
}

Result<int> launch_and_follow(const Globals& globals, LaunchRequest request, const Arguments& arguments, AtEnd at_end)
{
    request.start = StartMode::at_once;
    bool const detach = arguments.has("detach");
    request.attached = !detach && request.console_socket.empty();
    auto launched = TRY(launch(globals, request).context(request.id));
    if (detach) {
        TRY(launched.readiness.wait(launched.pidfd.get(), launched.record.pid).context(request.id));
        return 0;
    }
    auto const status = TRY(follow_process(launched.pidfd.get(), launched.terminal, launched.readiness));
    if (at_end == AtEnd::remove)
        TRY(remove_container(globals, request.id, Force::yes));
    return status.as_exit_code();
}

} // namespace nova::runtime
