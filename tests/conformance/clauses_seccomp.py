"""config-linux.md#seccomp: actions, arguments, flags, and the listener."""
import array
import json
import os
import pathlib
import socket
import threading

from suite import SHOULD, add, clause, equal, expect

SECCOMP = "config-linux.md#seccomp"
STATE = "config-linux.md#the-container-process-state"
MKDIR, GETPRIORITY, KEXEC, PERSONALITY = 83, 140, 246, 135  # Numbers of x86_64.
EPERM, ENOSYS = 1, 38
# What a static program and the last steps of a runtime ask of the kernel.
USUAL = """access arch_prctl brk capget capset chdir clock_gettime clock_nanosleep clone clone3 close close_range connect dup dup2 dup3
    epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 execve execveat exit exit_group faccessat faccessat2 fchdir fchown fcntl
    fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getgroups getpgrp getpid getppid getrandom getrlimit getsockname gettid
    getuid ioctl keyctl kill lseek lstat madvise membarrier mkdir mmap mprotect mremap munmap nanosleep newfstatat open openat openat2
    pidfd_open pidfd_send_signal pipe pipe2 poll ppoll prctl pread64 prlimit64 pwrite64 read readlink readlinkat readv recvfrom recvmsg
    restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sched_getaffinity sched_yield seccomp sendmsg sendto
    set_robust_list set_tid_address setgid setgroups setresgid setresuid setrlimit setsid setuid sigaltstack socket stat statx tgkill
    tkill umask uname wait4 waitid write writev""".split()


def rule(c, name, action, default="SCMP_ACT_ALLOW", **more):
    profile = c.linux.setdefault("seccomp", {"defaultAction": default, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                                             "syscalls": []})
    profile["syscalls"].append({"names": [name] if isinstance(name, str) else name, "action": action} | more)


def called(c, number, *args):
    return int(c.run("probe", "call", str(number), *map(str, args)).out)


@clause(SECCOMP)
def a_filter_is_set_for_the_program(c):
    """With seccomp the program runs under a filter; without it under none."""
    equal(c.inside("grep ^Seccomp: /proc/self/status").split()[1], "0")
    rule(c, "kexec_load", "SCMP_ACT_ERRNO")
    equal(c.inside("grep ^Seccomp: /proc/self/status").split()[1], "2")


@clause(SECCOMP)
def errno_fails_the_call(c):
    """SCMP_ACT_ERRNO fails the call with EPERM."""
    rule(c, "mkdir", "SCMP_ACT_ERRNO")
    equal(called(c, MKDIR, 0, 0), -EPERM)


@clause(SECCOMP)
def errno_ret_is_the_error(c):
    """errnoRet is the error with which SCMP_ACT_ERRNO fails the call."""
    rule(c, "mkdir", "SCMP_ACT_ERRNO", errnoRet=41)
    equal(called(c, MKDIR, 0, 0), -41)


@clause(SECCOMP)
def errno_ret_of_zero_does_nothing_and_succeeds(c):
    """An errnoRet of zero is not taken for a missing one."""
    rule(c, "mkdir", "SCMP_ACT_ERRNO", errnoRet=0)
    equal(called(c, MKDIR, 0, 0), 0)


@clause(SECCOMP, since="1.1.0")
def default_errno_ret_is_the_error_of_the_default_action(c):
    """defaultErrnoRet is the error of a default action SCMP_ACT_ERRNO."""
    rule(c, USUAL, "SCMP_ACT_ALLOW", default="SCMP_ACT_ERRNO")
    c.linux["seccomp"]["defaultErrnoRet"] = 77
    equal(called(c, KEXEC, 0, 0, 0, 0), -77)


@clause(SECCOMP)
def the_default_action_is_for_calls_that_no_rule_names(c):
    """defaultAction is what happens to a call that no rule is for: EPERM, for SCMP_ACT_ERRNO."""
    rule(c, USUAL, "SCMP_ACT_ALLOW", default="SCMP_ACT_ERRNO")
    equal(called(c, KEXEC, 0, 0, 0, 0), -EPERM)


def kills(action, outlives=False):
    def body(c):
        rule(c, "getpriority", action)
        done = c.run("probe", "call", str(GETPRIORITY), "0", "0")
        equal((done.code, done.out), (128 + 31, ""), done)
    return body


for name in ("SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"):
    add(f"{name.lower()[9:]}_ends_the_program", f"{name} ends the program with SIGSYS at the call.", SECCOMP, kills(name),
        since="1.0.0" if name == "SCMP_ACT_KILL" else "1.0.3", group="seccomp")


@clause(SECCOMP, since="1.0.3")
def kill_thread_leaves_the_other_threads(c):
    """SCMP_ACT_KILL_THREAD ends the thread alone."""
    rule(c, "getpriority", "SCMP_ACT_KILL_THREAD")
    equal(c.run("probe", "thread", str(GETPRIORITY)).out, "the process lives\n")


@clause(SECCOMP, since="1.0.3")
def kill_process_ends_all_threads(c):
    """SCMP_ACT_KILL_PROCESS ends the process, whichever thread made the call."""
    rule(c, "getpriority", "SCMP_ACT_KILL_PROCESS")
    done = c.run("probe", "thread", str(GETPRIORITY))
    equal((done.code, done.out), (128 + 31, ""))


@clause(SECCOMP)
def trap_sends_a_signal(c):
    """SCMP_ACT_TRAP sends the program SIGSYS, which tells the call."""
    rule(c, "getpriority", "SCMP_ACT_TRAP")
    equal(c.run("probe", "trap", str(GETPRIORITY)).out, f"trapped {GETPRIORITY}\n")


@clause(SECCOMP)
def log_lets_the_call_through(c):
    """SCMP_ACT_LOG lets the call through."""
    rule(c, "mkdir", "SCMP_ACT_LOG")
    equal(c.inside("mkdir /made && echo made"), "made")


@clause(SECCOMP)
def trace_without_a_tracer_fails_the_call(c):
    """SCMP_ACT_TRACE fails the call with ENOSYS where nobody traces."""
    rule(c, "mkdir", "SCMP_ACT_TRACE", errnoRet=5)
    equal(called(c, MKDIR, 0, 0), -ENOSYS)


@clause(SECCOMP)
def trace_gives_its_number_to_the_tracer(c):
    """SCMP_ACT_TRACE gives errnoRet to a tracer."""
    rule(c, "getpriority", "SCMP_ACT_TRACE", errnoRet=555)
    equal(c.run("probe", "traced", str(GETPRIORITY)).out, "555\n")


@clause(SECCOMP)
def allow_lets_the_call_through(c):
    """SCMP_ACT_ALLOW lets a call through that the default would not."""
    rule(c, [*USUAL, "getpriority"], "SCMP_ACT_ALLOW", default="SCMP_ACT_ERRNO")
    expect(called(c, GETPRIORITY, 0, 0) > 0)


# (operator, value, second value, an argument that matches, one that does not)
OPERATORS = (("NE", 5, 0, 6, 5), ("LT", 5, 0, 4, 5), ("LE", 5, 0, 5, 6), ("EQ", 5, 0, 5, 4), ("GE", 5, 0, 5, 4), ("GT", 5, 0, 6, 5),
             ("MASKED_EQ", 0xf0, 0x50, 0x5f, 0x6f), ("EQ", 0x123456789a, 0, 0x123456789a, 0x3456789a), ("GT", 0x100000000, 0, 0x100000001, 0xffffffff))


def compares(operator, value, second, yes, no):
    def body(c):
        rule(c, "getpriority", "SCMP_ACT_ERRNO", errnoRet=99, args=[{"index": 1, "op": f"SCMP_CMP_{operator}", "value": value, "valueTwo": second}])
        equal(called(c, GETPRIORITY, 77, yes), -99, f"{yes}")
        equal(called(c, GETPRIORITY, 77, no), -22, f"{no}")
    return body


for number, (operator, *values) in enumerate(OPERATORS):
    wide = "_of_64_bits" if number >= 7 else ""
    add(f"arguments_are_compared_by_{operator.lower()}{wide}", f"A rule with SCMP_CMP_{operator} is for calls whose argument compares so"
        + (", in all its 64 bits." if wide else "."), SECCOMP, compares(operator, *values), group="seccomp")


@clause(SECCOMP)
def all_arguments_of_a_rule_have_to_match(c):
    """A rule with several arguments is for calls that match all of them."""
    rule(c, "getpriority", "SCMP_ACT_ERRNO", errnoRet=99, args=[{"index": 0, "op": "SCMP_CMP_EQ", "value": 77}, {"index": 1, "op": "SCMP_CMP_EQ", "value": 5}])
    equal([called(c, GETPRIORITY, 77, 5), called(c, GETPRIORITY, 77, 6), called(c, GETPRIORITY, 78, 5)], [-99, -22, -22])


@clause(SECCOMP)
def several_rules_for_one_call_are_alternatives(c):
    """Of several rules for one call each is for the calls that it matches."""
    for value, error in ((5, 91), (6, 92)):
        rule(c, "getpriority", "SCMP_ACT_ERRNO", errnoRet=error, args=[{"index": 1, "op": "SCMP_CMP_EQ", "value": value}])
    equal([called(c, GETPRIORITY, 77, value) for value in (5, 6, 7)], [-91, -92, -22])


@clause(SECCOMP, SHOULD)
def an_unknown_call_is_passed_over(c):
    """A call that this kernel does not have does not hinder the container: profiles are written for many kernels."""
    rule(c, [*USUAL, "of_no_kernel"], "SCMP_ACT_ALLOW", default="SCMP_ACT_ERRNO")
    equal(called(c, KEXEC, 0, 0, 0, 0), -EPERM)


@clause(SECCOMP)
def an_errno_for_an_action_without_one_is_refused(c):
    """errnoRet beside an action that has no error is an error."""
    rule(c, "mkdir", "SCMP_ACT_KILL", errnoRet=41)
    c.refuses()


@clause(SECCOMP, since="1.1.0")
def a_default_errno_for_an_action_without_one_is_refused(c):
    """defaultErrnoRet beside a default action that has no error is an error."""
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 41}
    c.refuses()


@clause(SECCOMP)
def a_rule_without_names_is_refused(c):
    """names has at least one entry."""
    rule(c, [], "SCMP_ACT_ERRNO")
    c.refuses()


@clause(SECCOMP)
def a_profile_without_a_default_action_is_refused(c):
    """defaultAction is required."""
    c.linux["seccomp"] = {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    c.refuses()


@clause(SECCOMP)
def unknown_words_are_refused(c):
    """Actions, operators, architectures and flags that are not of the lists are errors."""
    for change in ({"architectures": ["SCMP_ARCH_ABACUS"]}, {"flags": ["SECCOMP_FILTER_FLAG_OF_NOTHING"]},
                   {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_PERHAPS"}]},
                   {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_ABOUT"}]}]}):
        c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"} | change
        c.refuses()


def flag(name):
    def body(c):
        rule(c, "mkdir", "SCMP_ACT_ERRNO", errnoRet=41)
        c.linux["seccomp"]["flags"] = [name]
        equal(called(c, MKDIR, 0, 0), -41)
    return body


for name in ("LOG", "SPEC_ALLOW", "TSYNC"):
    add(f"the_filter_flag_{name.lower()}_is_taken", f"SECCOMP_FILTER_FLAG_{name} is a flag of the filter.", SECCOMP,
        flag(f"SECCOMP_FILTER_FLAG_{name}"), group="seccomp", since="1.0.3")


@clause(SECCOMP)
def calls_of_another_architecture_are_not_let_through(c):
    """A call by a number of an architecture that is not listed is not let through: x32, of which the profile does not speak."""
    rule(c, "mkdir", "SCMP_ACT_ERRNO")
    c.linux["seccomp"]["architectures"] = ["SCMP_ARCH_X86_64"]
    done = c.run("probe", "call", str(0x40000000 + 39))
    expect(done.code != 0 or int(done.out) < 0, done)


@clause(SECCOMP)
def the_filter_is_set_without_no_new_privileges_too(c):
    """The filter is there whether or not the program has no_new_privs, and also for another user."""
    c.process["noNewPrivileges"] = False
    c.process["user"] = {"uid": 1000, "gid": 1000}
    rule(c, "mkdir", "SCMP_ACT_ERRNO", errnoRet=41)
    equal(called(c, MKDIR, 0, 0), -41)


class Listener:
    """What a runtime sends to a seccomp agent: states and descriptors, one connection at a time."""

    def __init__(self, path):
        self.path, self.states, self.descriptors = path, [], []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(4)
        self.socket.settimeout(60)
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        connection, _ = self.socket.accept()
        text = b""
        with connection:
            while True:
                data, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(16))
                for level, kind, words in control:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        found = array.array("i")
                        found.frombytes(words[: len(words) - len(words) % 4])
                        self.descriptors += found
                if not data:
                    break
                text += data
        self.states.append(json.loads(text))

    def close(self):
        self.socket.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.path.unlink()


def notified(c, check):
    listener = Listener(c.directory / "listener")
    try:
        rule(c, "getpriority", "SCMP_ACT_NOTIFY")
        c.linux["seccomp"] |= {"listenerPath": str(listener.path), "listenerMetadata": "some opaque words"}
        c.config["annotations"] = {"org.example.key": "a value"}
        pid = c.up()
        listener.thread.join(60)
        expect(listener.states, "nothing came")
        check(listener, pid)
    finally:
        listener.close()


@clause(STATE, since="1.0.3")
def a_listener_gets_the_process_state(c):
    """SCMP_ACT_NOTIFY sends the process's state to the socket at listenerPath: version, pid, metadata and the container's state."""
    def check(listener, pid):
        found = listener.states[0]
        equal((found["pid"], found["metadata"], found["fds"]), (pid, "some opaque words", ["seccompFd"]))
        equal((found["state"]["id"], found["state"]["bundle"], found["state"]["annotations"]), (c.id, str(c.bundle), {"org.example.key": "a value"}))
        expect(found["ociVersion"] and found["state"]["ociVersion"] and found["state"]["status"] in ("creating", "created"), found)
    notified(c, check)


@clause(STATE, since="1.0.3")
def a_listener_gets_the_descriptor_of_the_filter(c):
    """The filter's descriptor comes with the state, and is one of seccomp."""
    def check(listener, _):
        equal(len(listener.descriptors), 1)
        equal(os.readlink(f"/proc/self/fd/{listener.descriptors[0]}"), "anon_inode:seccomp notify")
    notified(c, check)


@clause(SECCOMP, since="1.0.3")
def a_listener_that_is_not_there_is_an_error(c):
    """Where the state can't be sent, that is an error."""
    rule(c, "getpriority", "SCMP_ACT_NOTIFY")
    c.linux["seccomp"]["listenerPath"] = "/no/such/socket"
    c.refuses()


@clause(SECCOMP, since="1.0.3")
def a_listener_path_without_notify_is_ignored(c):
    """listenerPath is ignored where no rule notifies."""
    rule(c, "mkdir", "SCMP_ACT_ERRNO")
    c.linux["seccomp"]["listenerPath"] = "/no/such/socket"
    equal(c.inside("echo ran"), "ran")


@clause(SECCOMP, since="1.0.3")
def metadata_without_a_path_is_refused(c):
    """listenerMetadata must not be set without listenerPath."""
    rule(c, "mkdir", "SCMP_ACT_ERRNO")
    c.linux["seccomp"]["listenerMetadata"] = "some words"
    c.refuses()
