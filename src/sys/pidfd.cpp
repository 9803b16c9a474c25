#include "sys/pidfd.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "base/strings.h"
#include "sys/file.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

constexpr auto p_pidfd = static_cast<idtype_t>(3); // P_PIDFD

ExitStatus status_from(const siginfo_t& info)
{
    if (info.si_code == CLD_EXITED)
        return {.code = info.si_status, .signal = 0};
    return {.code = 0, .signal = info.si_status};
}

} // namespace

std::string to_string(const ExitStatus& status)
{
    if (status.signal != 0) {
        std::string name = ::strsignal(status.signal); // "Killed": a sentence of its own, which ours is not.
        name.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(name.front())));
        return "signal " + std::to_string(status.signal) + " (" + name + ")";
    }
    return "exit code " + std::to_string(status.code);
}

Result<UniqueFd> open_pidfd(pid_t pid)
{
    UniqueFd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!fd) {
        int const errnum = errno;
        if (errnum == ESRCH)
            return Error{Code::not_found, "process " + std::to_string(pid) + ": there is none"};
        return Error::from_errno("open process " + std::to_string(pid), errnum);
    }
    return fd;
}

Status signal_pidfd(int pidfd, int signal)
{
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0)
        return base::done();
    int const errnum = errno;
    if (errnum == ESRCH)
        return Error{Code::not_found, "signal a process: it has ended"};
    return Error::from_errno("signal a process", errnum);
}

bool is_child(int pidfd)
{
    siginfo_t info{};
    return ::waitid(p_pidfd, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool has_ended(int pidfd)
{
    pollfd entry{.fd = pidfd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) == 1;
}

Result<std::optional<ExitStatus>> wait_pidfd(int pidfd, base::Deadline deadline)
{
    while (true) {
        pollfd entry{.fd = pidfd, .events = POLLIN, .revents = 0};
        int const ready = ::poll(&entry, 1, deadline.poll_timeout_ms());
        if (ready == 0)
            return std::optional<ExitStatus>{};
        if (ready < 0 && errno != EINTR)
            return Error::from_errno("wait for a process");
        if (ready == 1)
            break;
    }
    siginfo_t info{};
    while (::waitid(p_pidfd, static_cast<id_t>(pidfd), &info, WEXITED) < 0) {
        int const errnum = errno;
        if (errnum == EINTR)
            continue;
        if (errnum == ECHILD)
            return Error{Code::failed_precondition, "wait for a process: it is not ours, or was reaped"};
        return Error::from_errno("wait for a process", errnum);
    }
    return std::optional{status_from(info)};
}

Result<pid_t> pid_of(int pidfd)
{
    auto const text = TRY(read_file("/proc/self/fdinfo/" + std::to_string(pidfd)));
    auto const at = text.find("Pid:\t");
    int pid = -1;
    if (at != std::string::npos)
        std::from_chars(text.data() + at + 5, text.data() + text.size(), pid);
    if (pid <= 0)
        return Error{Code::not_found, "pid of a process: it has ended"};
    return pid;
}

Result<unsigned long long> start_ticks(pid_t pid)
{
    auto const text = TRY(read_file("/proc/" + std::to_string(pid) + "/stat"));
    // The name, field 2, may hold anything, also spaces and ')': count from its last parenthesis. Field 22 is the 20th after it.
    auto const fields = base::split(text.substr(text.rfind(')') + 1), ' ');
    if (fields.size() < 21)
        return Error{Code::internal, "/proc/" + std::to_string(pid) + "/stat has too few fields"};
    return static_cast<unsigned long long>(TRY(base::parse_integer(fields[20], 0, INT64_MAX)));
}

Result<std::string> boot_id() { return base::trim(TRY(read_file("/proc/sys/kernel/random/boot_id"))); }

Status become_subreaper()
{
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return Error::from_errno("become a subreaper");
    return base::done();
}

std::optional<pid_t> find_zombie()
{
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return std::nullopt;
    return info.si_pid;
}

void reap(pid_t pid)
{
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
}

namespace {

/// struct pidfd_info of <linux/pidfd.h> as of Linux 6.15, which Debian 12's headers lack.
struct PidfdInfo {
    std::uint64_t mask = 0;
    std::uint64_t cgroup = 0;
    std::uint32_t ids[11] = {};
    std::int32_t wait_status = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t wants_exit = 1u << 3; // PIDFD_INFO_EXIT
constexpr auto get_info = _IOWR(0xFF, 11, PidfdInfo);

} // namespace

Result<std::optional<ExitStatus>> exit_of_stranger(int pidfd, base::Deadline deadline)
{
    pollfd entry{.fd = pidfd, .events = 0, .revents = 0}; // POLLHUP alone: it was reaped.
    ::poll(&entry, 1, deadline.poll_timeout_ms());
    PidfdInfo info;
    info.mask = wants_exit;
    if (::ioctl(pidfd, get_info, &info) < 0)
        return Error::from_errno("ask how a process ended");
    if ((info.mask & wants_exit) == 0)
        return std::optional<ExitStatus>{};
    if (WIFSIGNALED(info.wait_status))
        return std::optional{ExitStatus{.code = 0, .signal = WTERMSIG(info.wait_status)}};
    return std::optional{ExitStatus{.code = WEXITSTATUS(info.wait_status), .signal = 0}};
}

} // namespace nova::sys
