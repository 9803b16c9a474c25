"""What this machine's kernel and this process's rights allow. A test that needs a fact which is not there is not applicable here."""
import functools
import os
import pathlib
import subprocess

GROUPS = pathlib.Path("/sys/fs/cgroup")


@functools.cache
def cgroup_version():
    return 2 if (GROUPS / "cgroup.controllers").exists() else 1


def controllers():
    if cgroup_version() == 2:
        return set((GROUPS / "cgroup.controllers").read_text().split())
    return {entry.name for entry in GROUPS.iterdir() if (entry / "cgroup.procs").exists()}


def can_run(*command):
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def rights():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff"):
            return int(line.split()[1], 16)
    return 0


def security_module(name):
    attribute = pathlib.Path("/sys/kernel/security/lsm")
    return attribute.exists() and name in attribute.read_text().split(",")


def has_control(controller, name):
    """Whether groups of version 1 have a file (which an own group shows, and the topmost may not)."""
    if cgroup_version() == 1:
        return any((GROUPS / controller).glob(f"{name}")) or any((GROUPS / controller).glob(f"*/{name}"))
    place = GROUPS / f"conformance-fact-{os.getpid()}"
    try:
        place.mkdir()
        return (place / name).exists()
    finally:
        place.rmdir()


FACTS = {
    "cgroup v1": lambda: cgroup_version() == 1,
    "cgroup v2": lambda: cgroup_version() == 2,
    "cgroup v2 hugetlb": lambda: cgroup_version() == 2 and "hugetlb" in controllers(),
    "cgroup net_cls": lambda: "net_cls" in controllers() or "net_cls,net_prio" in controllers(),
    "cgroup net_prio": lambda: "net_prio" in controllers() or "net_cls,net_prio" in controllers(),
    "cgroup rdma": lambda: "rdma" in controllers() and any(pathlib.Path("/sys/class/infiniband").glob("*")),
    "cgroup cpuset": lambda: "cpuset" in controllers(),
    "cgroup io": lambda: bool({"io", "blkio"} & controllers()),
    "cgroup io weight": lambda: cgroup_version() == 2 and has_control("io", "io.weight"),
    "cgroup blkio weight": lambda: cgroup_version() == 1 and has_control("blkio", "blkio.weight"),
    "cgroup blkio bfq weight": lambda: cgroup_version() == 1 and has_control("blkio", "blkio.bfq.weight"),
    "cgroup cpu burst": lambda: has_control("cpu", "cpu.max.burst" if cgroup_version() == 2 else "cpu.cfs_burst_us"),
    "cgroup cpu idle": lambda: has_control("cpu", "cpu.idle"),
    "cgroup v1 realtime": lambda: cgroup_version() == 1 and has_control("cpu", "cpu.rt_runtime_us"),
    "cgroup v1 swap": lambda: cgroup_version() == 1 and has_control("memory", "memory.memsw.limit_in_bytes"),
    "cgroup v1 tcp memory": lambda: cgroup_version() == 1 and has_control("memory", "memory.kmem.tcp.limit_in_bytes"),
    "two processors": lambda: (os.cpu_count() or 1) > 1,
    "no resctrl": lambda: not can_run("grep", "-q", " - resctrl ", "/proc/self/mountinfo"),
    "resctrl": lambda: can_run("grep", "-q", " - resctrl ", "/proc/self/mountinfo"),
    "apparmor": lambda: security_module("apparmor"),
    "selinux": lambda: pathlib.Path("/sys/fs/selinux/enforce").exists(),
    "no selinux": lambda: not pathlib.Path("/sys/fs/selinux/enforce").exists(),
    "time namespaces": lambda: pathlib.Path("/proc/self/ns/time").exists(),
    "user namespaces": lambda: can_run("unshare", "--user", "true"),
    "virtual links": lambda: can_run("unshare", "--net", "ip", "link", "add", "name", "d0", "type", "veth", "peer", "name", "d1"),
    "ipv6": lambda: pathlib.Path("/proc/sys/net/ipv6").exists(),
    "CAP_SYS_RESOURCE": lambda: bool(rights() >> 24 & 1),
    "memory policy": lambda: pathlib.Path("/sys/devices/system/node/node0").exists() or pathlib.Path("/proc/self/numa_maps").exists(),
}


@functools.cache
def holds(name):
    return FACTS[name]()
