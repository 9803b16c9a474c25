#include "sys/child.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/strings.h"
#include "sys/argument_pointers.h"
#include "sys/default_signals.h"
#include "sys/file.h"

#ifdef __SANITIZE_THREAD__
// The thread sanitizer takes every child for one with memory of its own: after one that shares ours it no longer looks at the
// thread that made it, and ends the program at its next thread. The C library's other name for the same function it leaves alone.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
constexpr auto clone_process = ::__clone;
#else
constexpr auto clone_process = ::clone;
#endif

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

/// Everything the child needs, made ready by the parent: between clone and exec the child shares our memory while other threads
/// may hold locks, so it may neither allocate nor call anything but the kernel.
struct Launch {
    const ChildSpec* spec = nullptr;
    std::vector<char*> argv;
    std::vector<char*> env;
    std::vector<PassedFd> fds; ///< With 0, 1 and 2.
    int highest = 2;
    sigset_t signals{}; ///< What the parent had blocked.
    const char* failed = nullptr;
    int errnum = 0;
    int gate = -1; ///< Of a held child: its end of the socket.
};

constexpr std::size_t stack_size = 64 * 1024;

int fail(Launch& launch, const char* doing)
{
    launch.errnum = errno;
    launch.failed = doing;
    return 127;
}

/// A filter that is older than close_range(2) forbids it, where a container's program starts another one.
void close_on_exec_one_by_one()
{
    auto const most = static_cast<int>(std::min(::sysconf(_SC_OPEN_MAX), long{INT_MAX}));
    for (int fd = 3; fd < most; ++fd)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/// Moves the descriptors to their places. Each is first copied above all places, so that no place is overwritten before it is
/// read.
bool place_fds(Launch& launch, int& program_fd)
{
    if (launch.gate >= 0 && (launch.gate = ::fcntl(launch.gate, F_DUPFD_CLOEXEC, launch.highest + 1)) < 0)
        return false;
    if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        close_on_exec_one_by_one();
    if (program_fd >= 0 && (program_fd = ::fcntl(program_fd, F_DUPFD_CLOEXEC, launch.highest + 1)) < 0)
        return false;
    for (auto& passed : launch.fds)
        if ((passed.fd = ::fcntl(passed.fd, F_DUPFD_CLOEXEC, launch.highest + 1)) < 0)
            return false;
    return std::all_of(launch.fds.begin(), launch.fds.end(),
                       [](const PassedFd& passed) { return ::dup2(passed.fd, passed.as) >= 0; });
}

int in_child(void* argument)
{
    auto& launch = *static_cast<Launch*>(argument);
    const auto& spec = *launch.spec;
    int program_fd = spec.program.empty() ? spec.program_fd : -1;
    reset_signals();
    if (spec.parent_death_signal != 0 && ::prctl(PR_SET_PDEATHSIG, spec.parent_death_signal) < 0)
        return fail(launch, "set the parent death signal");
    if (spec.new_privileges == NewPrivileges::never && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(launch, "give up new privileges");
    if (spec.session != Session::inherited && ::setsid() < 0)
        return fail(launch, "make a session");
    if (!place_fds(launch, program_fd))
        return fail(launch, "place descriptors");
    if (spec.session == Session::with_terminal && ::ioctl(0, TIOCSCTTY, 0) < 0)
        return fail(launch, "take the terminal");
    if (!spec.cwd.empty() && ::chdir(spec.cwd.c_str()) < 0)
        return fail(launch, "change directory");
    char** const env = spec.env ? launch.env.data() : environ;
    if (program_fd >= 0)
        ::syscall(SYS_execveat, program_fd, "", launch.argv.data(), env, AT_EMPTY_PATH);
    else
        ::execve(spec.program.c_str(), launch.argv.data(), env);
    return fail(launch, "run");
}

/// Memory for the child's stack until it has called exec.
class Stack {
public:
    Stack() : memory_(::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    ~Stack()
    {
        if (ok())
            ::munmap(memory_, stack_size);
    }
    bool ok() const { return memory_ != MAP_FAILED; }
    void* top() const { return static_cast<char*>(memory_) + stack_size; }

private:
    void* memory_;
};

Result<Child> clone_and_exec(Launch& launch)
{
    Stack const stack;
    if (!stack.ok())
        return Error::from_errno("make a stack");
    // No handler of ours may run in the child, which shares our memory: all signals wait until it has reset them.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &launch.signals);
    int pidfd = -1;
    pid_t const pid = clone_process(in_child, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &pidfd);
    int const errnum = errno;
    ::pthread_sigmask(SIG_SETMASK, &launch.signals, nullptr);
    if (pid < 0)
        return Error::from_errno("make a process", errnum);
    Child child{pid, UniqueFd{pidfd}};
    if (launch.failed == nullptr)
        return child;
    TRY(child.wait(base::Deadline::never()));
    return Error::from_errno(launch.failed, launch.errnum);
}

std::string name_of(const ChildSpec& spec)
{
    if (!spec.program.empty())
        return spec.program;
    return spec.argv.empty() ? "a program" : spec.argv.front();
}

} // namespace

Child& Child::operator=(Child&& other) noexcept
{
    end();
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
    return *this;
}

void Child::end()
{
    if (!pidfd_)
        return;
    (void)signal(SIGKILL).ok();
    (void)wait(base::Deadline::never()).ok();
}

Result<std::optional<ExitStatus>> Child::wait(base::Deadline deadline)
{
    auto const status = TRY(wait_pidfd(pidfd_.get(), deadline));
    if (status)
        pidfd_.reset();
    return status;
}

namespace {

/// Keeps the /dev/null that a Launch borrows.
Result<UniqueFd> prepare(Launch& launch, const ChildSpec& spec)
{
    launch.spec = &spec;
    launch.argv = argument_pointers(spec.argv);
    if (spec.env)
        launch.env = argument_pointers(*spec.env);
    UniqueFd nothing;
    if (spec.in < 0 || spec.out < 0 || spec.err < 0)
        nothing = TRY(open_file("/dev/null", O_RDWR));
    auto const or_nothing = [&](int fd) { return fd < 0 ? nothing.get() : fd; };
    launch.fds = spec.pass;
    launch.fds.insert(launch.fds.end(), {{or_nothing(spec.in), 0}, {or_nothing(spec.out), 1}, {or_nothing(spec.err), 2}});
    for (const auto& passed : launch.fds)
        launch.highest = std::max(launch.highest, passed.as);
    return nothing;
}

/// In the held child. Its memory is its own copy, so what failed goes over the socket.
[[noreturn]] void wait_and_exec(Launch& launch, int other_end)
{
    ::close(other_end); // Else we would hold our own gate open when the parent dies.
    char word = 0;
    if (::read(launch.gate, &word, 1) != 1)
        ::_exit(127);
    in_child(&launch);
    if (::write(launch.gate, &launch.errnum, sizeof launch.errnum) < 0)
        ::_exit(126);
    ::_exit(127);
}

} // namespace

Result<Child> spawn(const ChildSpec& spec)
{
    Launch launch;
    auto const nothing = TRY(prepare(launch, spec));
    return clone_and_exec(launch).context(name_of(spec));
}

Result<HeldChild> spawn_held(const ChildSpec& spec)
{
    Launch launch;
    auto const nothing = TRY(prepare(launch, spec));
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return Error::from_errno("make a socket pair");
    UniqueFd ours{ends[0]};
    UniqueFd const theirs{ends[1]};
    launch.gate = theirs.get();
    int pidfd = -1;
    auto const pid = static_cast<pid_t>(::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, 0));
    if (pid < 0)
        return Error::from_errno("make a process");
    if (pid == 0)
        wait_and_exec(launch, ours.get());
    return HeldChild{Child{pid, UniqueFd{pidfd}}, std::move(ours), name_of(spec)};
}

Result<Child> HeldChild::go() &&
{
    if (::send(gate_.get(), "g", 1, MSG_NOSIGNAL) != 1)
        return Error::from_errno("run " + name_);
    int errnum = 0;
    ssize_t count = 0;
    while ((count = ::read(gate_.get(), &errnum, sizeof errnum)) < 0 && errno == EINTR) {
    }
    if (count == 0 || (count < 0 && errno == ECONNRESET))
        return std::move(child_);
    return Error::from_errno(name_ + ": run", count == sizeof errnum ? errnum : EIO);
}

Status replace_program(int program_fd, const std::vector<std::string>& argv, const std::vector<int>& keep)
{
    auto const arguments = argument_pointers(argv);
    for (int const fd : keep)
        ::fcntl(fd, F_SETFD, 0);
    ::syscall(SYS_execveat, program_fd, "", arguments.data(), environ, AT_EMPTY_PATH);
    int const errnum = errno;
    for (int const fd : keep)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return Error::from_errno("replace the program", errnum);
}

Result<std::string> find_program(const std::string& name)
{
    if (name.find('/') != std::string::npos)
        return name;
    const char* const path = ::getenv("PATH");
    for (const auto& directory : base::split(std::string{path != nullptr ? path : ""} + ":/usr/sbin:/usr/bin:/sbin:/bin", ':')) {
        auto const candidate = directory + "/" + name;
        if (directory.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
    }
    return Error{Code::not_found, "program " + name + " is not installed"};
}

} // namespace nova::sys
