"""config-linux.md: each limit, as the kernel then shows it, with version 1 or 2 of cgroups."""
from facts import cgroup_version, has_control
from suite import SHOULD, clause, equal, expect

MEMORY, CPU, BLOCK = "config-linux.md#memory", "config-linux.md#cpu", "config-linux.md#block-io"
PIDS, UNIFIED, HUGE = "config-linux.md#pids", "config-linux.md#unified", "config-linux.md#huge-page-limits"
NETWORK, RDMA = "config-linux.md#network", "config-linux.md#rdma"
MIB = 1 << 20


@clause(MEMORY)
def memory_limit(c):
    """limit is the limit of the container's memory."""
    c.resources["memory"] = {"limit": 50 * MIB}
    c.limits(("memory/memory.limit_in_bytes", 50 * MIB), ("memory/memory.max", 50 * MIB))


@clause(MEMORY)
def memory_limit_of_minus_one_is_none(c):
    """-1 is no limit."""
    c.resources["memory"] = {"limit": -1}
    c.limits(("memory/memory.limit_in_bytes", 9223372036854771712), ("memory/memory.max", "max"))


@clause(MEMORY)
def memory_limit_has_effect(c):
    """A program that uses more than the limit is ended by the kernel."""
    c.resources["memory"] = {"limit": 20 * MIB, "swap": 20 * MIB}
    equal(c.run("dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1").code, 137)


@clause(MEMORY)
def memory_reservation(c):
    """reservation is the soft limit."""
    c.resources["memory"] = {"reservation": 30 * MIB}
    c.limits(("memory/memory.soft_limit_in_bytes", 30 * MIB), ("memory/memory.low", 30 * MIB))


@clause(MEMORY)
def memory_and_swap(c):
    """swap is the limit of memory and swap together; version 2 has swap by itself."""
    c.resources["memory"] = {"limit": 50 * MIB, "swap": 70 * MIB}
    if cgroup_version() == 1 and not has_control("memory", "memory.memsw.limit_in_bytes"):
        return
    c.limits(("memory/memory.memsw.limit_in_bytes", 70 * MIB), ("memory/memory.swap.max", 20 * MIB))


@clause(MEMORY)
def unlimited_swap_beside_limited_memory(c):
    """swap of -1 is no limit of swap."""
    c.resources["memory"] = {"limit": 50 * MIB, "swap": -1}
    if cgroup_version() == 1 and not has_control("memory", "memory.memsw.limit_in_bytes"):
        return
    c.limits(("memory/memory.memsw.limit_in_bytes", 9223372036854771712), ("memory/memory.swap.max", "max"))


@clause(MEMORY, needs="cgroup v1")
def memory_swappiness(c):
    """swappiness is the group's."""
    c.resources["memory"] = {"swappiness": 33}
    c.limits(("memory/memory.swappiness", 33), None)


@clause(MEMORY, needs="cgroup v1")
def memory_swappiness_above_100_is_refused(c):
    """swappiness is from 0 to 100."""
    c.resources["memory"] = {"swappiness": 1000}
    c.refuses()


@clause(MEMORY, needs="cgroup v1 tcp memory")
def memory_kernel_tcp(c):
    """kernelTCP is the limit of TCP's buffers."""
    c.resources["memory"] = {"kernelTCP": 40 * MIB}
    c.limits(("memory/memory.kmem.tcp.limit_in_bytes", 40 * MIB), None)


@clause(MEMORY, needs="cgroup v1")
def memory_oom_killer_can_be_disabled(c):
    """disableOOMKiller turns the killer of the group off."""
    c.resources["memory"] = {"limit": 50 * MIB, "disableOOMKiller": True}
    c.up()
    expect("oom_kill_disable 1" in c.limit("memory", "memory.oom_control"), c.limit("memory", "memory.oom_control"))


@clause(MEMORY, needs="cgroup v1")
def memory_oom_killer_is_on_by_default(c):
    """The killer is on unless it is disabled."""
    c.resources["memory"] = {"limit": 50 * MIB, "disableOOMKiller": False}
    c.up()
    expect("oom_kill_disable 0" in c.limit("memory", "memory.oom_control"))


@clause(MEMORY, since="1.1.0")
def check_before_update_refuses_a_limit_below_what_is_used(c):
    """With checkBeforeUpdate a new limit below what the container uses is an error, and no process is ended."""
    c.resources["memory"] = {"limit": 60 * MIB, "checkBeforeUpdate": True}
    c.up("dd if=/dev/zero of=/dev/shm/file bs=1M count=30 2>/dev/null; touch /ready; exec sleep 1000")
    c.eventually("the memory is used", (c.root / "ready").exists)
    (c.directory / "new.json").write_text('{"memory": {"limit": 10485760, "checkBeforeUpdate": true}}')
    done = c.call("update", "--resources", c.directory / "new.json", c.id)
    expect(done.code != 0, "the update succeeds")
    equal(c.status(), "running")


@clause(CPU)
def cpu_shares(c):
    """shares is the group's weight; version 2 has a scale of its own."""
    c.resources["cpu"] = {"shares": 512}
    if cgroup_version() == 1:
        c.limits(("cpu/cpu.shares", 512), None)
        return
    c.up()
    expect(c.limit("cpu", "cpu.weight") in ("20", "50", "59"), c.limit("cpu", "cpu.weight"))


@clause(CPU)
def cpu_quota_and_period(c):
    """quota and period are the group's bandwidth."""
    c.resources["cpu"] = {"quota": 30000, "period": 60000}
    c.limits(("cpu/cpu.cfs_quota_us", 30000), ("cpu/cpu.max", "30000 60000"))
    if cgroup_version() == 1:
        equal(c.limit("cpu", "cpu.cfs_period_us"), "60000")


@clause(CPU)
def a_cpu_period_that_the_kernel_refuses_is_refused(c):
    """A period that is too short can't be applied, which is an error."""
    c.resources["cpu"] = {"period": 100}
    c.refuses()


@clause(CPU)
def cpu_quota_of_minus_one_is_none(c):
    """A quota of -1 is no limit."""
    c.resources["cpu"] = {"quota": -1, "period": 50000}
    c.limits(("cpu/cpu.cfs_quota_us", -1), ("cpu/cpu.max", "max 50000"))


@clause(CPU, since="1.1.0", needs="cgroup cpu burst")
def cpu_burst(c):
    """burst is what a group may use beyond its quota."""
    c.resources["cpu"] = {"quota": 50000, "period": 100000, "burst": 20000}
    c.limits(("cpu/cpu.cfs_burst_us", 20000), ("cpu/cpu.max.burst", 20000))


@clause(CPU, since="1.1.0", needs="cgroup cpu burst")
def cpu_burst_above_the_quota_is_refused(c):
    """burst must not be larger than a quota."""
    c.resources["cpu"] = {"quota": 20000, "period": 100000, "burst": 50000}
    c.refuses()


@clause(CPU, since="1.1.0", needs="cgroup cpu idle")
def cpu_idle(c):
    """idle makes the group one of SCHED_IDLE."""
    c.resources["cpu"] = {"idle": 1}
    c.limits(("cpu/cpu.idle", 1), ("cpu/cpu.idle", 1))


@clause(CPU, needs="cgroup v1 realtime")
def cpu_realtime(c):
    """realtimeRuntime and realtimePeriod are the group's, where its parents have enough; else an error."""
    c.resources["cpu"] = {"realtimePeriod": 500000, "realtimeRuntime": 1000}
    if c.create(check=False).code == 0:
        equal((c.limit("cpu", "cpu.rt_period_us"), c.limit("cpu", "cpu.rt_runtime_us")), ("500000", "1000"))


@clause(CPU, needs="cgroup cpuset")
def cpu_cpus_and_mems(c):
    """cpus and mems are the processors and memory nodes that the container runs on."""
    c.resources["cpu"] = {"cpus": "0", "mems": "0"}
    equal(c.inside("grep -e Cpus_allowed_list -e Mems_allowed_list /proc/self/status | tr -d ' \\t'").split(),
          ["Cpus_allowed_list:0", "Mems_allowed_list:0"])


@clause(CPU, needs="cgroup cpuset")
def cpu_cpus_that_are_not_there_are_refused(c):
    """Processors that the machine does not have are an error."""
    c.resources["cpu"] = {"cpus": "700-800"}
    c.refuses()


@clause(PIDS)
def pids_limit(c):
    """limit is the largest number of tasks in the group."""
    c.resources["pids"] = {"limit": 23}
    c.limits(("pids/pids.max", 23), ("pids/pids.max", 23))


@clause(PIDS)
def pids_limit_of_minus_one_is_none(c):
    """-1 is no limit."""
    c.resources["pids"] = {"limit": -1}
    c.limits(("pids/pids.max", "max"), ("pids/pids.max", "max"))


@clause(PIDS, SHOULD, since="1.3.0")
def pids_limit_of_zero_is_a_limit(c):
    """0 is a limit, under which the first process is alone."""
    c.config["ociVersion"] = "1.3.0"
    c.resources["pids"] = {"limit": 0}
    c.up()
    expect(c.limit("pids", "pids.max") in ("0", "1"), c.limit("pids", "pids.max"))


@clause(PIDS)
def pids_limit_has_effect(c):
    """A program can't have more tasks than the limit."""
    c.resources["pids"] = {"limit": 4}
    found = c.run("sh", "-c", "for i in 1 2 3 4 5 6; do sleep 1000 & done; echo all")
    expect("all" not in found.out, found)


THROTTLES = {"throttleReadBpsDevice": ("read_bps", "rbps"), "throttleWriteBpsDevice": ("write_bps", "wbps"), "throttleReadIOPSDevice": ("read_iops", "riops"),
             "throttleWriteIOPSDevice": ("write_iops", "wiops")}


def a_disk():
    """The numbers of a block device that can be throttled."""
    import pathlib
    for entry in sorted(pathlib.Path("/sys/block").iterdir()):
        if not entry.name.startswith("ram"):
            return tuple(map(int, (entry / "dev").read_text().split(":")))
    return None


@clause(BLOCK, needs="cgroup io")
def block_io_throttles(c):
    """Each of the four throttles is the group's limit for the device that it names."""
    major, minor = a_disk()
    c.resources["blockIO"] = {name: [{"major": major, "minor": minor, "rate": 1000000 + number}] for number, name in enumerate(THROTTLES)}
    c.up()
    for number, (old, new) in enumerate(THROTTLES.values()):
        if cgroup_version() == 1:
            equal(c.limit("blkio", f"blkio.throttle.{old}_device"), f"{major}:{minor} {1000000 + number}")
        else:
            expect(f"{new}={1000000 + number}" in c.limit("io", "io.max"), c.limit("io", "io.max"))


@clause(BLOCK, needs="cgroup io weight")
def block_io_weight(c):
    """weight is the group's share of block I/O."""
    c.resources["blockIO"] = {"weight": 500}
    c.up()
    expect(c.limit("io", "io.weight").startswith("default ") and c.limit("io", "io.weight") != "default 100", c.limit("io", "io.weight"))


@clause(BLOCK, needs="cgroup blkio bfq weight")
def block_io_weight_of_version_1(c):
    """weight is the group's share of block I/O."""
    c.resources["blockIO"] = {"weight": 500}
    c.limits(("blkio/blkio.bfq.weight", 500), None)


@clause(HUGE, needs="cgroup v2 hugetlb")
def huge_page_limits(c):
    """hugepageLimits limits the huge pages of each size."""
    c.resources["hugepageLimits"] = [{"pageSize": "2MB", "limit": 8 * MIB}]
    c.up()
    equal(c.limit("hugetlb", "hugetlb.2MB.max"), str(8 * MIB))
    equal(c.limit("hugetlb", "hugetlb.2MB.rsvd.max"), str(8 * MIB))


@clause(HUGE)
def huge_pages_of_a_size_that_is_not_there_are_refused(c):
    """A size that the kernel does not have is an error."""
    c.resources["hugepageLimits"] = [{"pageSize": "3MB", "limit": 3 * MIB}]
    c.refuses()


@clause(NETWORK, needs="cgroup net_cls")
def network_class(c):
    """classID is the class of the group's packets."""
    c.resources["network"] = {"classID": 1048577}
    c.limits(("net_cls/net_cls.classid", 1048577), None)


@clause(NETWORK, needs="cgroup net_prio")
def network_priorities(c):
    """priorities are those of the group's traffic for each link."""
    c.resources["network"] = {"priorities": [{"name": "lo", "priority": 5}]}
    c.up()
    expect("lo 5" in c.limit("net_prio", "net_prio.ifpriomap"))


@clause(RDMA, needs="cgroup rdma")
def rdma_limits(c):
    """rdma limits handles and objects of a device."""
    c.resources["rdma"] = {"of-nobody": {"hcaHandles": 3}}
    c.refuses()


@clause(UNIFIED, needs="cgroup v2")
def unified_files_are_written(c):
    """Each key of unified is a file of the group, and written, whether or not the runtime knows it."""
    c.resources["unified"] = {"memory.high": str(40 * MIB), "pids.max": "19", "cpu.weight.nice": "3"}
    c.up()
    equal((c.limit("memory", "memory.high"), c.limit("pids", "pids.max"), c.limit("cpu", "cpu.weight.nice")), (str(40 * MIB), "19", "3"))


@clause(UNIFIED, needs="cgroup v2")
def a_unified_file_that_is_not_there_is_refused(c):
    """A key of a controller that is not there is an error."""
    c.resources["unified"] = {"nosuch.max": "1"}
    c.refuses()


@clause(UNIFIED, needs="cgroup v1")
def unified_without_version_2_is_refused(c):
    """unified can't be applied where the controller is not one of version 2, which is an error."""
    c.resources["unified"] = {"memory.high": str(40 * MIB)}
    c.refuses()
