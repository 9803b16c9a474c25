#include "sys/own_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sys/argument_pointers.h"
#include "sys/file.h"
#include "sys/proc.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

Status checked(long result, const char* doing)
{
    if (result < 0)
        return Error::from_errno(doing);
    return base::done();
}

struct RlimitName {
    std::string_view name;
    int number;
};
constexpr std::array<RlimitName, 16> rlimits{{{"RLIMIT_CPU", RLIMIT_CPU},
                                              {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                              {"RLIMIT_DATA", RLIMIT_DATA},
                                              {"RLIMIT_STACK", RLIMIT_STACK},
                                              {"RLIMIT_CORE", RLIMIT_CORE},
                                              {"RLIMIT_RSS", RLIMIT_RSS},
                                              {"RLIMIT_NPROC", RLIMIT_NPROC},
                                              {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                              {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                              {"RLIMIT_AS", RLIMIT_AS},
                                              {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                              {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                              {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                              {"RLIMIT_NICE", RLIMIT_NICE},
                                              {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                              {"RLIMIT_RTTIME", RLIMIT_RTTIME}}};

} // namespace

Status close_on_exec_from(unsigned first)
{
    return checked(::syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC), "mark descriptors close-on-exec");
}

Result<unsigned> claim_left_descriptors(unsigned count)
{
    unsigned left = 0;
    for (unsigned i = 0; i < count; ++i)
        if (int const flags = ::fcntl(static_cast<int>(3 + i), F_GETFD); flags >= 0 && (flags & FD_CLOEXEC) == 0)
            left = i + 1; // Ours are all closed by exec.
    for (unsigned i = 0; i < left; ++i)
        if (::fcntl(static_cast<int>(3 + i), F_GETFD) < 0)
            (void)TRY(open_file("/", O_PATH | O_CLOEXEC)).release(); // The lowest number that is free: this one.
    return left;
}

void close_all_but(unsigned first, std::vector<int> kept)
{
    std::sort(kept.begin(), kept.end());
    for (int const fd : kept) {
        if (fd < 0 || static_cast<unsigned>(fd) < first)
            continue;
        if (static_cast<unsigned>(fd) > first)
            ::syscall(SYS_close_range, first, static_cast<unsigned>(fd) - 1, 0);
        first = static_cast<unsigned>(fd) + 1;
    }
    ::syscall(SYS_close_range, first, ~0u, 0);
}

Status set_parent_death_signal(int signal)
{
    return checked(::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "set the parent death signal");
}

Status set_dumpable(Dumpable dumpable)
{
    return checked(::prctl(PR_SET_DUMPABLE, dumpable == Dumpable::yes ? 1 : 0, 0, 0, 0), "set dumpable");
}

Status set_no_new_privileges() { return checked(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs"); }

Status set_oom_score(int proc_self, int score)
{
    return write_proc_self(proc_self, "oom_score_adj", std::to_string(score))
        .context("set oom_score_adj " + std::to_string(score));
}

Status set_hostname(const std::string& name) { return checked(::sethostname(name.data(), name.size()), "set the host name"); }

Status set_domainname(const std::string& name)
{
    return checked(::setdomainname(name.data(), name.size()), "set the domain name");
}

Status new_session() { return checked(::setsid(), "make a session"); }

Status take_terminal(int terminal) { return checked(::ioctl(terminal, TIOCSCTTY, 0), "take the terminal"); }

Status set_user(uid_t uid, gid_t gid, const std::vector<std::uint32_t>& groups, Groups change)
{
    // Raw system calls: the C library's own would signal threads that we do not have.
    if (change == Groups::set)
        TRY(checked(::syscall(SYS_setgroups, groups.size(), groups.data()), "set additional groups"));
    TRY(checked(::syscall(SYS_setresgid, gid, gid, gid), "set the group"));
    return checked(::syscall(SYS_setresuid, uid, uid, uid), "set the user");
}

bool is_rlimit(std::string_view type)
{
    for (const auto& known : rlimits)
        if (known.name == type)
            return true;
    return false;
}

Status set_rlimit(std::string_view type, std::uint64_t soft, std::uint64_t hard)
{
    for (const auto& known : rlimits) {
        if (known.name != type)
            continue;
        struct rlimit const limit{soft, hard};
        if (::setrlimit(static_cast<__rlimit_resource>(known.number), &limit) < 0) {
            int const errnum = errno;
            return Error::from_errno("set " + std::string{type}, errnum);
        }
        return base::done();
    }
    return Error{Code::invalid_argument, "unknown limit " + std::string{type}};
}

Status join_new_keyring(const std::string& name)
{
    return checked(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str(), 0, 0, 0), "make a session keyring");
}

Status set_personality(unsigned long domain) { return checked(::personality(domain), "set the personality"); }

Error execute(const std::string& path, const std::vector<std::string>& argv, const std::vector<std::string>& env)
{
    auto const arguments = argument_pointers(argv);
    auto const environment = argument_pointers(env);
    ::execve(path.c_str(), arguments.data(), environment.data());
    int const errnum = errno;
    return Error::from_errno("execute " + path, errnum);
}

} // namespace nova::sys
