"""config.md#linux-process and #posix-process: capabilities, limits, privileges, scheduling."""
import os
import re
import subprocess

import facts
from bundle import capability_sets
from suite import SHOULD, add, clause, equal, expect

LINUX, POSIX = "config.md#linux-process", "config.md#posix-process"
BITS = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_KILL": 5, "CAP_SETUID": 7, "CAP_NET_BIND_SERVICE": 10, "CAP_SYS_CHROOT": 18}
SETS = {"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding", "CapAmb": "ambient"}


def mask(names):
    return sum(1 << BITS[name] for name in names)


def capabilities(c, **options):
    found = c.inside("grep ^Cap /proc/self/status", **options)
    return {SETS[line.split(":")[0]]: int(line.split()[1], 16) for line in found.splitlines()}


@clause(LINUX)
def the_five_capability_sets_are_those_of_the_config(c):
    """bounding, effective, inheritable, permitted and ambient are the program's sets, for a user whom exec gives nothing."""
    wanted = {"bounding": list(BITS), "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"], "ambient": ["CAP_KILL"],
              "inheritable": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_KILL"]}
    c.process["user"] = {"uid": 1000, "gid": 1000}
    c.process["capabilities"] = wanted
    found = capabilities(c)
    for kind in ("bounding", "inheritable", "ambient"):
        equal(found[kind], mask(wanted[kind]), kind)
    # What exec leaves of the rest: the ambient ones.
    equal((found["permitted"], found["effective"]), (mask(["CAP_KILL"]), mask(["CAP_KILL"])))


@clause(LINUX)
def the_bounding_set_limits_root(c):
    """Root has no more than the bounding set."""
    c.process["capabilities"] = capability_sets(["CAP_CHOWN", "CAP_KILL"])
    found = capabilities(c)
    for kind in ("bounding", "permitted", "effective"):
        equal(found[kind], mask(["CAP_CHOWN", "CAP_KILL"]), kind)


@clause(LINUX)
def empty_capability_sets_leave_none(c):
    """With empty sets the program has no capability at all."""
    c.process["capabilities"] = capability_sets([])
    equal(set(capabilities(c).values()), {0})


@clause(LINUX, SHOULD)
def a_bounding_set_that_is_not_given_is_empty(c):
    """Beside other sets, a bounding set that is not given keeps nothing."""
    c.process["capabilities"] = capability_sets([])
    del c.process["capabilities"]["bounding"]
    equal(set(capabilities(c).values()), {0})


@clause(LINUX, SHOULD)
def an_inheritable_capability_that_is_not_bounded_is_refused(c):
    """What the bounding set does not keep can't be made inheritable, which is an error."""
    c.process["capabilities"] = capability_sets(["CAP_CHOWN"]) | {"bounding": []}
    c.refuses()


@clause(LINUX)
def a_missing_capability_has_effect(c):
    """What a capability allows is not allowed without it."""
    c.process["capabilities"] = capability_sets(["CAP_KILL"])
    equal(c.inside("chown 5:5 /tmp 2>/dev/null || echo refused"), "refused")


@clause(LINUX)
def an_unknown_capability_is_warned_of(c):
    """A capability that the kernel does not know is told as a warning, and does not hinder the container."""
    c.process["capabilities"]["bounding"].append("CAP_OF_NO_KERNEL")
    done = c.create()
    expect("CAP_OF_NO_KERNEL" in done.err + done.out, "nothing is said", done)


@clause(LINUX, SHOULD)
def a_capability_that_can_not_be_granted_does_not_fail(c):
    """A capability that the runtime itself does not have does not hinder the container."""
    c.process["capabilities"] = capability_sets(["CAP_CHOWN", "CAP_SYS_RESOURCE"] if not facts.holds("CAP_SYS_RESOURCE") else ["CAP_CHOWN"])
    equal(capabilities(c)["effective"] & 1, 1)


@clause(LINUX)
def no_new_privileges_is_set(c):
    """noNewPrivileges keeps the program from getting more by exec."""
    c.process["noNewPrivileges"] = True
    equal(c.inside("grep NoNewPrivs /proc/self/status").split()[1], "1")


@clause(LINUX)
def no_new_privileges_is_not_set_unless_it_is_asked_for(c):
    """Without noNewPrivileges a set-user-id program gets its owner's id."""
    del c.process["noNewPrivileges"]
    equal(c.inside("grep NoNewPrivs /proc/self/status").split()[1], "0")


@clause(LINUX)
def no_new_privileges_makes_set_user_id_void(c):
    """With noNewPrivileges a set-user-id program stays with the caller's id; without it has its owner's."""
    suid = c.root / "bin/suid"
    os.link(c.root / "bin/probe", suid)
    suid.chmod(0o4755)
    c.process["user"] = {"uid": 1000, "gid": 1000}
    geteuid = 107
    equal(c.run("/bin/suid", "call", str(geteuid)).out, "1000\n")
    c.process["noNewPrivileges"] = False
    equal(c.run("/bin/suid", "call", str(geteuid)).out, "0\n")


LIMITS = {"RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5, "RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7,
          "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10, "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14,
          "RLIMIT_RTTIME": 15}
VALUES = {"RLIMIT_CPU": (3000, 4000), "RLIMIT_CORE": (0, 0), "RLIMIT_NICE": (0, 0), "RLIMIT_RTPRIO": (0, 0), "RLIMIT_NOFILE": (500, 900),
          "RLIMIT_NPROC": (5000, 6000), "RLIMIT_MEMLOCK": (4096, 8192), "RLIMIT_SIGPENDING": (50, 60), "RLIMIT_MSGQUEUE": (4096, 8192),
          "RLIMIT_STACK": (8 << 20, 16 << 20)}


def limit(kind):
    def body(c):
        soft, hard = VALUES.get(kind, (1 << 30, 2 << 30))
        c.process["rlimits"] = [{"type": kind, "soft": soft, "hard": hard}]
        found = {int(line.split()[0]): tuple(map(int, line.split()[1:])) for line in c.inside("probe limits").splitlines()}
        equal(found[LIMITS[kind]], (soft, hard), kind)
    return body


for name in LIMITS:
    add(f"{name.lower()}_is_set", f"soft and hard of {name} are the program's limits.", POSIX, limit(name), group="rights")


@clause(POSIX)
def limits_that_are_not_given_are_the_callers(c):
    """Limits that the config does not name are those of the runtime's caller."""
    text = subprocess.run([c.root / "bin/probe", "limits"], capture_output=True, text=True, check=True).stdout
    equal(c.inside("probe limits"), text.strip())


@clause(POSIX)
def a_limit_that_is_given_twice_is_refused(c):
    """Two entries of one type are an error."""
    c.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 200}, {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 100}]
    c.refuses()  # The kernel would take both, whoever asks.


@clause(POSIX)
def a_soft_limit_above_the_hard_one_is_refused(c):
    """What the kernel can't set is an error."""
    c.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 100}]
    c.refuses()


@clause(POSIX)
def a_limit_of_an_unknown_type_is_refused(c):
    """A type that no limit of the kernel has is an error."""
    c.process["rlimits"] = [{"type": "RLIMIT_OF_NOTHING", "soft": 1, "hard": 1}]
    c.refuses()


@clause(POSIX)
def limits_have_effect(c):
    """A limit holds what it limits."""
    c.process["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 4096, "hard": 4096}]
    c.inside("trap '' XFSZ; dd if=/dev/zero of=/file bs=1k count=100 2>/dev/null; true")
    equal((c.root / "file").stat().st_size, 4096)


def scheduled(c):
    words = c.inside("probe scheduler").split()
    return {words[number]: int(words[number + 1]) for number in range(0, len(words), 2)}


@clause(LINUX, since="1.1.0")
def scheduler_batch_with_a_nice_value(c):
    """scheduler sets policy and nice of the program: SCHED_BATCH with 7."""
    c.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 7}
    found = scheduled(c)
    equal((found["policy"], found["nice"]), (3, 7))


@clause(LINUX, since="1.1.0")
def scheduler_idle(c):
    """scheduler sets the policy SCHED_IDLE."""
    c.process["scheduler"] = {"policy": "SCHED_IDLE"}
    equal(scheduled(c)["policy"], 5)


@clause(LINUX, since="1.1.0")
def scheduler_other_with_a_nice_value_and_a_flag(c):
    """scheduler sets SCHED_OTHER, its nice value, and the flag that resets it on fork."""
    c.process["scheduler"] = {"policy": "SCHED_OTHER", "nice": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    c.program("probe", "scheduler")
    words = c.run().out.split()
    equal((words[1], words[3], words[7]), ("0", "5", "1"))


@clause(LINUX, since="1.1.0")
def an_unknown_scheduler_is_refused(c):
    """A policy that is not of the list is an error."""
    c.process["scheduler"] = {"policy": "SCHED_LOTTERY"}
    c.refuses()


@clause(LINUX, since="1.1.0")
def an_unknown_scheduler_flag_is_refused(c):
    """A flag that is not of the list is an error."""
    c.process["scheduler"] = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_OF_NOTHING"]}
    c.refuses()


@clause(LINUX, since="1.1.0")
def io_priority_is_set(c):
    """ioPriority sets class and level of the program's I/O priority."""
    for number, name in ((2, "IOPRIO_CLASS_BE"), (3, "IOPRIO_CLASS_IDLE")):
        level = 6 if number == 2 else 0
        c.process["ioPriority"] = {"class": name, "priority": level}
        equal(int(c.inside("probe io-priority")), number << 13 | level, name)


@clause(LINUX, since="1.1.0")
def io_priority_of_real_time(c):
    """ioPriority may be of the class IOPRIO_CLASS_RT."""
    c.process["ioPriority"] = {"class": "IOPRIO_CLASS_RT", "priority": 1}
    equal(int(c.inside("probe io-priority")), 1 << 13 | 1)


@clause(LINUX, since="1.1.0")
def an_unknown_io_class_is_refused(c):
    """A class that is not of the list is an error."""
    c.process["ioPriority"] = {"class": "IOPRIO_CLASS_FIRST", "priority": 1}
    c.refuses()


@clause(LINUX, since="1.2.1", needs="two processors")
def exec_cpu_affinity_is_that_of_what_is_executed_later(c):
    """execCPUAffinity's final list is that of a process that is executed in the container later, and not of its first one."""
    c.process["execCPUAffinity"] = {"initial": "0", "final": "1"}
    c.up()
    done = c.call("exec", c.id, "grep", "Cpus_allowed_list", "/proc/self/status", "/proc/1/status")
    equal(done.code, 0, done)
    found = dict(re.findall(r"/proc/(\w+)/status:\S+\s+(\S+)", done.out))
    equal(found["self"], "1")
    expect(found["1"] != "1", found)


@clause(LINUX, needs="apparmor")
def an_apparmor_profile_is_that_of_the_program(c):
    """apparmorProfile is the profile that the program runs under."""
    c.process["apparmorProfile"] = "unconfined"
    expect("unconfined" in c.inside("cat /proc/self/attr/current"))


@clause(LINUX, needs="selinux")
def a_selinux_label_that_is_none_is_refused(c):
    """selinuxLabel is given to the kernel, which refuses what is no label."""
    c.process["selinuxLabel"] = "no:such:label"
    c.refuses()
