"""config-linux.md#control-groups: where groups are, who is in them, and which devices they allow."""
import os
import pathlib

from facts import GROUPS, cgroup_version, controllers
from suite import MAY, clause, equal, expect

PATH, ALLOWED = "config-linux.md#cgroups-path", "config-linux.md#allowed-device-list"


@clause(PATH)
def an_absolute_path_is_below_the_mount_point(c):
    """An absolute cgroupsPath is taken as relative to where cgroups are mounted, in all hierarchies; what lacks is made."""
    c.linux["cgroupsPath"] = f"/{c.group}/some/where/deep"
    pid = c.up()
    for name in sorted({"memory", "pids", "cpu"} & controllers()):
        expect(str(pid) in (c.group_of(name) / "cgroup.procs").read_text().split(), name)


@clause(PATH)
def a_relative_path_leads_to_the_same_place_each_time(c):
    """A relative cgroupsPath leads to the same place whenever it is given."""
    c.linux["cgroupsPath"] = f"{c.group}/relative"
    found = set()
    for _ in range(2):
        pid = c.up()
        found.add(pathlib.Path(f"/proc/{pid}/cgroup").read_text())
        c.delete(force=True)
    equal(len(found), 1, found)
    expect("relative" in found.pop())


@clause(PATH)
def without_a_path_the_container_runs_all_the_same(c):
    """Without cgroupsPath the runtime has a place of its own, which it removes with the container."""
    del c.linux["cgroupsPath"]
    pid = c.up()
    found = [line.split(":", 2) for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    places = [GROUPS / path[1:] if not names else GROUPS / names.removeprefix("name=") / path[1:] for _, names, path in found if path != "/"]
    c.delete(force=True)
    left = [place for place in places if place.name == c.id and place.exists()]
    expect(not left, "left behind", left)


@clause(PATH)
def a_path_does_not_leave_the_mount_point(c):
    """A cgroupsPath with dots is an error, or stays below the mount point."""
    c.linux["cgroupsPath"] = f"/{c.group}/../../../../../../{c.group}/climbed"
    if c.create(check=False).code == 0:
        pid = c.state()["pid"]
        expect(".." not in pathlib.Path(f"/proc/{pid}/cgroup").read_text())


@clause(PATH)
def parents_that_are_there_already_stay(c):
    """A group above the container's that was there before is there after delete."""
    tops = [GROUPS] if cgroup_version() == 2 else [GROUPS / name for name in ("memory", "pids")]
    for top in tops:
        (top / c.group / "before").mkdir(parents=True)
    c.linux["cgroupsPath"] = f"/{c.group}/before/inner"
    c.up("true")
    c.wait_for("stopped")
    c.delete()
    for top in tops:
        expect((top / c.group / "before").exists() and not (top / c.group / "before/inner").exists(), top)


@clause("config-linux.md#control-groups", MAY)
def a_group_with_processes_of_others_is_refused(c):
    """A runtime may refuse a group that has processes in it, and must say so where it does; it leaves these alone."""
    tops = [GROUPS] if cgroup_version() == 2 else [GROUPS / name for name in ("memory", "pids", "freezer")]
    other = c.child("sleep", "1000")
    for top in tops:
        place = top / c.linux["cgroupsPath"][1:]
        place.mkdir(parents=True)
        (place / "cgroup.procs").write_text(str(other.pid))
    if c.create(check=False).code != 0:
        expect(not c.known() and other.poll() is None)
    expect(other.poll() is None, "it was ended")


@clause("config-linux.md#control-groups")
def processes_of_a_container_are_in_its_groups(c):
    """All processes of a container are in its groups."""
    c.up("sleep 999 & exec sleep 1000")
    for name in sorted({"memory", "pids"} & controllers()):
        c.eventually(f"both are in {name}", lambda place=c.group_of(name): len((place / "cgroup.procs").read_text().split()) == 2)


@clause("config-linux.md#control-groups")
def resources_need_not_be_given(c):
    """Without resources the container runs, in its groups and with their limits as they are."""
    del c.linux["resources"]
    c.up()
    name = "memory.max" if cgroup_version() == 2 else "memory.limit_in_bytes"
    expect(c.limit("memory", name) in ("max", "9223372036854771712"))


NODES = {"null": ("c", 1, 3), "control": ("c", 10, 237), "serial": ("c", 4, 64), "disk": ("b", 7, 0)}


def opened(c, *names):
    """Of nodes outside of /dev, those that the program may open for reading: a word for each, with w where writing is allowed too."""
    for name in names:
        kind, major, minor = NODES[name]
        c.linux.setdefault("devices", []).append({"path": f"/nodes/{name}", "type": kind, "major": major, "minor": minor, "fileMode": 0o666})
    script = "cd /nodes; for node in *; do word=; for way in '<' '>>'; do (eval : $way $node) 2>/tmp/words; "
    script += "grep -q 'not permitted' /tmp/words || word=$word$way; done; echo $node:$word; done"
    words = dict(line.split(":") for line in c.inside(script).splitlines())
    return {name: word.replace("<", "r").replace(">>", "w") for name, word in words.items()}


@clause(ALLOWED)
def devices_are_shut_where_all_are_denied(c):
    """Where all devices are denied no other than the default ones can be opened, though there are nodes of them."""
    c.resources["devices"] = [{"allow": False, "access": "rwm"}]
    equal(opened(c, "control", "disk"), {"control": "", "disk": ""})
    equal(c.inside("echo x >/dev/null; head -c 2 /dev/zero | wc -c"), "2")


@clause(ALLOWED)
def an_allowed_device_can_be_opened(c):
    """A device that is allowed after all were denied can be opened, in the ways that access says."""
    c.resources["devices"] = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 237, "access": "r"},
                              {"allow": True, "type": "b", "major": 7, "minor": 0, "access": "rw"}]
    equal(opened(c, "control", "serial", "disk"), {"control": "r", "serial": "", "disk": "rw"})


@clause(ALLOWED)
def an_entry_without_numbers_is_for_all(c):
    """An entry without major or minor is for all of its type, and one without a type for all devices."""
    c.resources["devices"] = [{"allow": False}, {"allow": True, "type": "c", "access": "rw"}]
    equal(opened(c, "control", "serial", "disk"), {"control": "rw", "serial": "rw", "disk": ""})
    c.resources["devices"] = [{"allow": False, "access": "rwm"}, {"allow": True, "access": "rwm"}]
    equal(opened(c), {"control": "rw", "disk": "rw", "serial": "rw"})


@clause(ALLOWED)
def entries_are_applied_in_the_listed_order(c):
    """Entries are applied in the listed order: a later one changes what an earlier one said."""
    c.resources["devices"] = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 237, "access": "rw"},
                              {"allow": False, "type": "c", "major": 10, "minor": 237, "access": "w"},
                              {"allow": False, "type": "c", "major": 4, "minor": 64, "access": "rwm"},
                              {"allow": True, "type": "c", "major": 4, "minor": 64, "access": "rw"}]
    equal(opened(c, "control", "serial"), {"control": "r", "serial": "rw"})


@clause(ALLOWED)
def default_devices_stay_allowed(c):
    """The default devices can be used whatever the list denies."""
    c.resources["devices"] = [{"allow": False, "access": "rwm"}]
    c.process["user"] = {"uid": 1000, "gid": 1000}
    equal(c.inside("echo x >/dev/null; echo $?; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c").split(), ["0", "3", "3"])


@clause(ALLOWED)
def an_unknown_type_of_an_entry_is_refused(c):
    """The types of an entry are a, c and b."""
    c.resources["devices"] = [{"allow": False, "type": "x", "access": "rwm"}]
    c.refuses()


@clause(ALLOWED)
def an_unknown_access_of_an_entry_is_refused(c):
    """access is composed of r, w and m."""
    c.resources["devices"] = [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rq"}]
    c.refuses()


@clause("config-linux.md#cgroup-ownership", MAY)
def the_owner_of_a_group_is_left_alone_without_a_writable_mount(c):
    """The owner of a container's group is not changed where the container has no writable cgroup mount."""
    c.process["user"] = {"uid": 1000, "gid": 1000}
    c.up()
    for place in c.groups():
        equal((os.stat(place).st_uid, os.stat(place / "cgroup.procs").st_uid), (0, 0), place)
