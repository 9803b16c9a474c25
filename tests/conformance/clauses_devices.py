"""config-linux.md#devices and #default-devices."""
import os
import stat

from suite import add, clause, equal, expect

DEVICES, DEFAULT = "config-linux.md#devices", "config-linux.md#default-devices"
NULL = {"path": "/dev/own-null", "type": "c", "major": 1, "minor": 3}


def device(c, **more):
    c.linux.setdefault("devices", []).append(NULL | more)


def default(name, major, minor):
    def body(c):
        equal(c.inside(f"stat -c '%F %t:%T %a' /dev/{name}"), f"character special file {major:x}:{minor:x} 666")
    return body


for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)):
    add(f"dev_{name}_is_there", f"/dev/{name} is supplied in every container.", DEFAULT, default(name, major, minor), group="devices")


@clause(DEFAULT)
def dev_ptmx_is_that_of_the_containers_pts(c):
    """/dev/ptmx leads to the ptmx of the container's own /dev/pts."""
    equal(c.inside("stat -L -c %t:%T /dev/ptmx; stat -L -c %i:%d /dev/ptmx /dev/pts/ptmx | uniq | wc -l").split(), ["5:2", "1"])


@clause(DEFAULT)
def default_devices_can_be_used(c):
    """The default devices can be read and written, by any user."""
    c.process["user"] = {"uid": 1234, "gid": 1234}
    equal(c.inside("echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; (echo x >/dev/full) 2>&1 | grep -o 'No space'").split(),
          ["3", "3", "No", "space"])


@clause(DEVICES)
def devices_that_are_not_listed_are_not_there(c):
    """Besides the default and the listed devices there are none."""
    found = set(c.inside("find /dev -type b -o -type c").split())
    known = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "pts/ptmx")}
    expect(not {path for path in found - known if not path.startswith("/dev/pts/")}, found - known)


@clause(DEVICES)
def a_listed_device_is_made(c):
    """A listed device has the type, numbers, mode and owner of its entry."""
    device(c, fileMode=0o640, uid=5, gid=6)
    equal(c.inside("stat -c '%F %t:%T %a %u %g' /dev/own-null; echo x >/dev/own-null && echo written"),
          "character special file 1:3 640 5 6\nwritten")


@clause(DEVICES)
def a_block_device_is_made(c):
    """A device of type b is a block device."""
    device(c, path="/dev/own-loop", type="b", major=7, minor=0, fileMode=0o600)
    equal(c.inside("stat -c '%F %t:%T %a' /dev/own-loop"), "block special file 7:0 600")


@clause(DEVICES)
def a_fifo_is_made(c):
    """A device of type p is a named pipe, and needs no numbers."""
    c.linux["devices"] = [{"path": "/dev/own-pipe", "type": "p", "fileMode": 0o622}]
    equal(c.inside("stat -c '%F %a' /dev/own-pipe"), "fifo 622")


@clause(DEVICES)
def an_unbuffered_character_device_is_made(c):
    """A device of type u is a character device."""
    device(c, type="u")
    equal(c.inside("stat -c '%F %t:%T' /dev/own-null"), "character special file 1:3")


@clause(DEVICES)
def a_device_may_be_outside_of_dev(c):
    """The path of a device may be anywhere, in directories that are made for it."""
    device(c, path="/new/deep/null", fileMode=0o666)
    equal(c.inside("stat -c '%F %t:%T' /new/deep/null; echo x >/new/deep/null && echo written"), "character special file 1:3\nwritten")


@clause(DEVICES)
def a_device_in_the_place_of_another_file_is_refused(c):
    """Where a file that is not the device is at its path already, that is an error."""
    (c.root / "etc/own-null").write_text("a file")
    device(c, path="/etc/own-null")
    c.refuses()
    equal((c.root / "etc/own-null").read_text(), "a file")


@clause(DEVICES)
def a_device_that_is_there_already_is_taken(c):
    """Where the very device is at its path already, all is well."""
    os.mknod(c.root / "etc/own-null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    device(c, path="/etc/own-null", fileMode=0o666)
    equal(c.inside("stat -c '%F %t:%T' /etc/own-null"), "character special file 1:3")


@clause(DEVICES)
def a_default_device_may_be_listed_too(c):
    """A default device that is listed has the mode and owner of its entry."""
    device(c, path="/dev/null", fileMode=0o666, uid=0, gid=0)
    equal(c.inside("stat -c '%F %t:%T' /dev/null"), "character special file 1:3")


@clause(DEVICES)
def a_device_path_does_not_leave_the_root(c):
    """The path of a device is below the root, whatever links are on the way."""
    outside = c.directory / "outside"
    outside.mkdir()
    (c.root / "link").symlink_to(outside)
    device(c, path="/link/own-null")
    c.create(check=False)
    equal(list(outside.iterdir()), [])


@clause(DEVICES)
def a_device_without_a_path_is_refused(c):
    """The path of a device is required."""
    c.linux["devices"] = [{"type": "c", "major": 1, "minor": 3}]
    c.refuses()


@clause(DEVICES)
def a_device_without_numbers_is_refused(c):
    """major and minor are required, but for pipes."""
    c.linux["devices"] = [{"type": "c", "path": "/dev/own-null"}]
    c.refuses()
