#include "sys/namespace.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace nova::sys {

using base::Error;

Result<Cloned> clone_process(std::uint64_t flags, int cgroup)
{
    int pidfd = -1;
    struct clone_args args {};
    args.flags = flags | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    args.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(cgroup);
    }
    auto const pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0)
        return Error::from_errno("clone a process");
    Cloned cloned;
    cloned.pid = static_cast<pid_t>(pid);
    if (pid > 0)
        cloned.pidfd = UniqueFd{pidfd};
    return cloned;
}

namespace {

/// The numbers of the first ones are a promise of the kernel's to its users.
bool is_namespace(const char* path, ino_t number)
{
    struct stat status {};
    return ::stat(path, &status) == 0 && status.st_ino == number;
}

} // namespace

bool is_in_first_user_namespace()
{
    static bool const is_first = is_namespace("/proc/self/ns/user", 0xEFFFFFFD);
    return is_first;
}

bool is_in_first_cgroup_namespace() { return is_namespace("/proc/self/ns/cgroup", 0xEFFFFFFB); }

Status enter_namespace(int fd, int types)
{
    if (::setns(fd, types) < 0)
        return Error::from_errno("enter the namespace");
    return base::done();
}

Status leave_namespaces(int types)
{
    if (::unshare(types) < 0)
        return Error::from_errno("make a namespace");
    return base::done();
}

void exit_now(int code) { ::_exit(code); }

} // namespace nova::sys
