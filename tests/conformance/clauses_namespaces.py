"""config-linux.md#namespaces, user namespace mappings and time offsets."""
import os
import pathlib
import time

from suite import SHOULD, add, clause, equal, expect

NAMESPACES, USERS, OFFSETS = "config-linux.md#namespaces", "config-linux.md#user-namespace-mappings", "config-linux.md#offset-for-time-namespace"
KINDS = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup", "time": "time"}
SINCE = {"cgroup": "1.0.0", "time": "1.1.0"}
NEEDS = {"time": "time namespaces"}


def of(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{KINDS.get(kind, kind)}")


def is_new(kind):
    def body(c):
        c.unshare(kind)
        pid = c.up()
        expect(of(pid, kind) != of("self", kind), "it is the runtime's")
    return body


def is_inherited(kind):
    def body(c):
        c.share(kind)
        if kind == "pid":  # A proc of it can't be mounted anew for another's namespace without its rights; this one's is.
            c.config["mounts"] = [entry for entry in c.config["mounts"] if entry["type"] != "proc"]
            c.bind("/proc", "/proc", "rbind")
        if kind == "network":
            c.config["mounts"] = [entry for entry in c.config["mounts"] if entry["type"] != "sysfs"]
        pid = c.up()
        equal(of(pid, kind), of("self", kind))
    return body


def is_joined(kind):
    def body(c):
        option = {"network": "--net", "pid": "--pid"}.get(kind, f"--{kind}")
        extra = ["--fork"] if kind in ("pid", "time") else []
        holder = c.child("unshare", option, *extra, "sleep", "1000", start_new_session=True)
        path = f"/proc/{holder.pid}/ns/" + (f"{kind}_for_children" if kind in ("pid", "time") else KINDS[kind])

        def ready():
            children = pathlib.Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text() if extra else "1"
            return children and os.readlink(path) != of("self", kind)
        c.eventually("the namespace is there", ready)
        c.unshare(kind, path)
        pid = c.up()
        equal(of(pid, kind), os.readlink(path))
        if extra:
            import signal
            child = int(pathlib.Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0])
            c.delete(force=True)
            os.kill(child, signal.SIGKILL)
    return body


for each in KINDS:
    options = {"since": SINCE.get(each, "1.0.0"), "needs": NEEDS.get(each, ()), "group": "namespaces"}
    add(f"a_{each}_namespace_is_made", f"A {each} namespace without a path is a new one.", NAMESPACES, is_new(each), **options)
    if each != "mount":
        add(f"a_{each}_namespace_that_is_not_listed_is_the_runtimes", f"Without an entry the {each} namespace is that of the runtime.", NAMESPACES,
            is_inherited(each), **options)
        add(f"a_{each}_namespace_is_joined_by_its_path", f"A {each} namespace with a path is the one at that path.", NAMESPACES, is_joined(each),
            **options)


@clause(NAMESPACES)
def a_relative_path_of_a_namespace_is_refused(c):
    """The path of a namespace must be absolute."""
    c.unshare("network", "proc/self/ns/net")
    c.refuses()


@clause(NAMESPACES)
def a_path_of_another_type_is_refused(c):
    """A path whose namespace is of another type than the entry is an error."""
    c.unshare("network", "/proc/self/ns/uts")
    c.refuses()


@clause(NAMESPACES)
def a_path_that_is_no_namespace_is_refused(c):
    """A path that leads to no namespace is an error."""
    for path in ("/dev/null", "/no/such/namespace"):
        c.unshare("ipc", path)
        c.refuses()


@clause(NAMESPACES)
def a_type_that_is_listed_twice_is_refused(c):
    """Two entries of one type are an error."""
    c.linux["namespaces"].append({"type": "uts"})
    c.refuses()


@clause(NAMESPACES)
def a_namespace_without_a_type_is_refused(c):
    """The type of a namespace is required."""
    c.linux["namespaces"].append({})
    c.refuses()


@clause(NAMESPACES)
def a_pid_namespace_shows_its_own_processes_alone(c):
    """In a pid namespace of its own the program is process 1 and sees no process of the host."""
    equal(c.inside("echo $$; ls -d /proc/[0-9]* | wc -l").split()[0], "1")
    expect(int(c.inside("set -- /proc/[0-9]*; echo $#")) == 1)


@clause(NAMESPACES)
def an_ipc_namespace_has_queues_of_its_own(c):
    """In an IPC namespace of its own the program sees no shared memory of the host."""
    equal(c.inside("grep -c . /proc/sysvipc/shm"), "1")


@clause(NAMESPACES)
def a_mount_namespace_keeps_mounts_inside(c):
    """What is mounted for the container is not seen outside."""
    before = c.mounts_outside()
    c.mount("/scratch", "tmpfs", "tmpfs")
    c.up()
    equal(c.mounts_outside(), before)


@clause(NAMESPACES)
def a_cgroup_namespace_has_the_containers_group_as_its_root(c):
    """In a cgroup namespace of its own the program sees its own group as the root."""
    c.unshare("cgroup")
    for line in c.inside("cat /proc/self/cgroup").splitlines():
        if "name=" not in line and (line.startswith("0::") is (c_version() == 2)):
            equal(line.split(":", 2)[2], "/", line)


def c_version():
    from facts import cgroup_version
    return cgroup_version()


@clause(USERS, needs="user namespaces")
def a_user_namespace_has_the_mappings_of_the_config(c):
    """uidMappings and gidMappings are those of a new user namespace, in which the program's ids are."""
    c.map_users()
    c.linux["uidMappings"].append({"containerID": 65536, "hostID": 300000, "size": 10})
    found = [line.split() for line in c.inside("cat /proc/self/uid_map; echo; cat /proc/self/gid_map; id -u; id -g").splitlines()]
    equal(found, [["0", "100000", "65536"], ["65536", "300000", "10"], [], ["0", "100000", "65536"], ["0"], ["0"]])


@clause(USERS, needs="user namespaces")
def root_of_a_user_namespace_is_not_the_hosts(c):
    """The program's id outside is the one that its mapping says."""
    c.map_users()
    pid = c.up("touch /made; exec sleep 1000")
    equal(os.stat(f"/proc/{pid}").st_uid, 100000)
    c.eventually("the file is made", (c.root / "made").exists)
    equal((c.root / "made").stat().st_uid, 100000)


@clause(USERS, needs="user namespaces")
def another_user_in_a_user_namespace_is_mapped(c):
    """process.user is an id of the container's namespace."""
    c.map_users()
    c.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
    pid = c.up()
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    equal((status["Uid"].split()[0], status["Gid"].split()[0], status["Groups"].split()), ("100005", "100006", ["100007"]))


@clause(USERS, SHOULD, needs="user namespaces")
def mappings_do_not_change_the_owners_of_the_root(c):
    """The runtime does not change the owners of the file systems to make the mapping true."""
    c.map_users()
    (c.root / "foreign").touch()
    os.chown(c.root / "foreign", 4, 4)
    equal(c.inside("stat -c %u /foreign"), "65534")
    equal((c.root / "foreign").stat().st_uid, 4)


@clause(NAMESPACES, needs="user namespaces")
def a_user_namespace_is_joined_by_its_path(c):
    """A user namespace with a path is the one at that path."""
    holder = c.child("unshare", "--user", "sleep", "1000")
    c.eventually("the namespace is there", lambda: of(holder.pid, "user") != of("self", "user"))
    for kind in ("uid_map", "gid_map"):
        pathlib.Path(f"/proc/{holder.pid}/{kind}").write_text("0 100000 65536\n")
    c.map_users()
    del c.linux["uidMappings"], c.linux["gidMappings"]
    c.unshare("user", f"/proc/{holder.pid}/ns/user")
    pid = c.up()
    equal(of(pid, "user"), of(holder.pid, "user"))
    equal(os.stat(f"/proc/{pid}").st_uid, 100000)


@clause(USERS, needs="user namespaces")
def devices_are_there_in_a_user_namespace(c):
    """The default devices and file systems are there in a user namespace as well."""
    c.map_users()
    equal(c.inside("echo x >/dev/null && head -c 3 /dev/zero | wc -c && echo y >/dev/shm/file && ls /dev/pts").split(), ["3", "ptmx"])


@clause(USERS)
def mappings_without_a_user_namespace_are_refused(c):
    """Mappings that can't be applied, for want of a user namespace, are an error."""
    c.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}]
    c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}]
    c.refuses()


def clocks(text):
    return tuple(map(int, text.split()))


@clause(OFFSETS, since="1.1.0", needs="time namespaces")
def time_offsets_are_those_of_the_clocks(c):
    """timeOffsets moves the monotonic clock and the one since boot, each by its own offset."""
    c.unshare("time")
    c.linux["timeOffsets"] = {"monotonic": {"secs": 5000, "nanosecs": 500}, "boottime": {"secs": 90000}}
    now = int(time.clock_gettime(time.CLOCK_MONOTONIC)), int(time.clock_gettime(time.CLOCK_BOOTTIME))
    found = clocks(c.inside("probe clocks"))
    expect(0 <= found[0] - now[0] - 5000 <= 60 and 0 <= found[1] - now[1] - 90000 <= 60, now, found)


@clause(OFFSETS, since="1.1.0", needs="time namespaces")
def clocks_without_offsets_are_the_runtimes(c):
    """A time namespace for which no offsets are given has the clocks of the runtime."""
    c.unshare("time")
    now = time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_BOOTTIME)
    pid = c.up()
    expect(of(pid, "time") != of("self", "time"), "the namespace is the runtime's")
    found = clocks(c.call("exec", c.id, "probe", "clocks").out)
    expect(all(0 <= seen - int(before) <= 60 for seen, before in zip(found, now)), now, found)


@clause(OFFSETS, since="1.1.0", needs=("time namespaces", "user namespaces"))
def time_offsets_hold_in_a_user_namespace(c):
    """timeOffsets can be given beside a user namespace of the container's own."""
    c.map_users()
    c.unshare("time")
    c.linux["timeOffsets"] = {"monotonic": {"secs": 7000, "nanosecs": 271}, "boottime": {"secs": 9000, "nanosecs": 314}}
    equal(" ".join(c.inside("cat /proc/self/timens_offsets").split()), "monotonic 7000 271 boottime 9000 314")


@clause(OFFSETS, since="1.1.0", needs="time namespaces")
def time_offsets_may_be_negative(c):
    """An offset may be negative."""
    c.unshare("time")
    c.linux["timeOffsets"] = {"boottime": {"secs": -20}}
    before = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    found = clocks(c.inside("probe clocks"))[1]
    expect(before - 21 <= found <= time.clock_gettime(time.CLOCK_BOOTTIME) - 19, before, found)


@clause(OFFSETS, since="1.1.0", needs="time namespaces")
def time_offsets_without_a_time_namespace_are_refused(c):
    """Offsets that can't be applied, for want of a time namespace, are an error."""
    c.linux["timeOffsets"] = {"boottime": {"secs": 20}}
    c.refuses()


@clause(OFFSETS, since="1.1.0", needs="time namespaces")
def an_unknown_clock_is_refused(c):
    """The clocks are monotonic and boottime: another name is an error."""
    c.unshare("time")
    c.linux["timeOffsets"] = {"realtime": {"secs": 20}}
    c.refuses()
