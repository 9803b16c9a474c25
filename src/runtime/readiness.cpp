#include "runtime/readiness.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/service_manager.h"

namespace nova::runtime {

using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

constexpr auto manager_deadline = std::chrono::seconds{30};
constexpr int most_after_end = 16; ///< Messages that are still heard when the container's process has ended.

std::string place_of(const StateDirectory& directory) { return directory.path() + "/notify"; }

bool says_ready(const std::string& text)
{
    auto const lines = base::split(text, '\n');
    return std::find(lines.begin(), lines.end(), "READY=1") != lines.end();
}

} // namespace

Status offer_notify_socket(const StateDirectory& directory, oci::Config& config)
{
    auto const manager = sys::service_manager();
    if (manager.empty() || !config.process)
        return done();
    TRY(sys::make_directories(place_of(directory), 0755));
    auto const place = manager.front() == '/' ? manager : "/run/notify"; // "@name" lies in no directory.
    config.mounts.push_back({.destination = place,
                             .type = "bind",
                             .source = place_of(directory),
                             .options = {"bind", "ro", "nosuid", "nodev", "noexec"},
                             .uid_mappings = {},
                             .gid_mappings = {}});
    config.process->env.push_back("NOTIFY_SOCKET=" + place + "/notify");
    return done();
}

Result<Readiness> Readiness::open(const StateDirectory& directory)
{
    Readiness readiness;
    readiness.manager_ = sys::service_manager();
    if (!readiness.manager_.empty() && ::access(place_of(directory).c_str(), F_OK) == 0)
        readiness.socket_ = TRY(sys::open_notify_socket(place_of(directory) + "/notify"));
    return readiness;
}

Status Readiness::take(pid_t main_pid)
{
    auto const text = TRY(sys::receive_notification(socket_.get()));
    if (told_ || !text || !says_ready(*text))
        return done();
    auto const who = main_pid == 0 ? "" : "MAINPID=" + std::to_string(main_pid) + "\n";
    told_ = true; // A manager that is gone is asked once.
    return sys::tell_manager(manager_, "READY=1\n" + who);
}

Status Readiness::wait(int pidfd, pid_t main_pid)
{
    if (fd() < 0)
        return done();
    std::array<struct pollfd, 2> waits{{{pidfd, POLLIN, 0}, {fd(), POLLIN, 0}}};
    for (int after_end = 0; !told_ && after_end < most_after_end;) {
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
            return Error::from_errno("wait until the container is ready");
        if (waits[1].revents != 0) // First: it may have ended right after.
            TRY(take(main_pid));
        else if (waits[0].revents != 0)
            return done();
        after_end += waits[0].revents != 0 ? 1 : 0; // Others may have the socket, and never stop.
    }
    sys::await_manager(manager_, base::Deadline::after(manager_deadline));
    return done();
}

} // namespace nova::runtime
