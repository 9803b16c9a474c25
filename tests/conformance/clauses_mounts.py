"""config.md#mounts: order, places, sources and kinds of mounts."""
import os
import subprocess

from suite import MAY, SHOULD, clause, equal, expect

MOUNTS, OPTIONS, POSIX = "config.md#mounts", "config.md#linux-mount-options", "config.md#posix-platform-mounts"


def volume(c, name="volume", **files):
    """A directory outside with files in it."""
    place = c.directory / name
    place.mkdir()
    for file, text in files.items():
        (place / file).write_text(text)
    return place


def with_mount_below(c, name="tree"):
    """A directory outside, with a tmpfs mounted in it."""
    place = volume(c, name, top="top")
    (place / "below").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place / "below"], check=True)
    (place / "below/file").write_text("below")
    return place


@clause(MOUNTS)
def mounts_are_made_in_the_listed_order(c):
    """Entries are mounted in the listed order: a later one goes into or over an earlier one."""
    c.mount("/a", "tmpfs", "tmpfs")
    c.bind(volume(c, inner="inner"), "/a/b")
    c.bind(volume(c, "hidden", file="hidden"), "/c/d")
    c.mount("/c", "tmpfs", "tmpfs")
    equal(c.inside("cat /a/b/inner; ls /c"), "inner")


@clause(MOUNTS)
def the_same_place_may_be_mounted_twice(c):
    """Of two mounts at one place the later one is seen."""
    c.bind(volume(c, "first", file="first"), "/a")
    c.bind(volume(c, "second", file="second"), "/a")
    equal(c.inside("cat /a/file"), "second")


@clause(MOUNTS)
def a_relative_destination_is_below_the_root(c):
    """A destination without a leading slash is taken as relative to the root."""
    c.process["cwd"] = "/tmp"
    c.bind(volume(c, file="found"), "some/where")
    equal(c.inside("cat /some/where/file"), "found")


@clause(MOUNTS)
def a_destination_with_dots_stays_in_the_root(c):
    """A destination that climbs above the root ends at the root."""
    c.bind(volume(c, file="found"), "/a/../../../where")
    equal(c.inside("cat /where/file"), "found")


@clause(MOUNTS)
def a_destination_through_a_link_stays_in_the_root(c):
    """Links on the way to a destination are followed inside the root, and never lead outside of it."""
    outside = volume(c, "outside")
    (c.root / "absolute").symlink_to(outside)
    (c.root / "relative").symlink_to("../../../../../../../tmp")
    c.bind(volume(c, file="found"), "/absolute/a")
    c.bind(volume(c, "other", file="too"), "/relative/b")
    equal(c.inside("cat /absolute/a/file /relative/b/file"), "foundtoo")
    equal(list(outside.iterdir()), [])
    expect((c.root / "tmp/b").is_dir(), "the link was not followed in the root")


@clause(MOUNTS, SHOULD)
def a_missing_destination_is_made(c):
    """A destination that is not in the root is made: a directory, or a file for the bind mount of a file."""
    place = volume(c, file="text")
    c.bind(place, "/new/deep/directory")
    c.bind(place / "file", "/new/deep/file")
    c.mount("/fresh/scratch", "tmpfs", "tmpfs")
    equal(c.inside("cat /new/deep/directory/file /new/deep/file; echo x >/fresh/scratch/x"), "texttext")
    expect((c.root / "new/deep/file").is_file() and (c.root / "new/deep/directory").is_dir())


@clause(MOUNTS, SHOULD)
def a_missing_destination_is_made_in_a_readonly_root_too(c):
    """A destination is made also where the root is read-only for the container."""
    c.config["root"]["readonly"] = True
    c.bind(volume(c, file="text"), "/new/deep")
    equal(c.inside("cat /new/deep/file"), "text")


@clause(MOUNTS)
def a_relative_source_of_a_bind_is_below_the_bundle(c):
    """The source of a bind mount may be relative to the bundle."""
    (c.bundle / "data").mkdir()
    (c.bundle / "data/file").write_text("of the bundle")
    c.bind("data", "/data")
    equal(c.inside("cat /data/file", cwd="/"), "of the bundle")


@clause(MOUNTS)
def bind_and_rbind_make_a_bind_mount_whatever_the_type(c):
    """A mount is a bind mount if its options say bind or rbind; its type is a dummy."""
    for number, (kind, option) in enumerate((("none", "bind"), ("bind", "bind"), ("tmpfs", "rbind"), ("", "bind"))):
        c.mount(f"/v{number}", kind, volume(c, f"v{number}", file=option), option)
    c.config["mounts"].append({"destination": "/v9", "source": str(volume(c, "v9", file="untyped")), "options": ["bind"]})
    equal(c.inside("cat /v0/file /v1/file /v2/file /v3/file /v9/file"), "bindbindrbindbinduntyped")


@clause(OPTIONS)
def bind_does_not_take_what_is_mounted_below(c):
    """bind shows the directory alone, without what is mounted below it."""
    c.bind(with_mount_below(c), "/tree", "bind")
    equal(c.inside("cat /tree/top; ls /tree/below"), "top")


@clause(OPTIONS)
def rbind_takes_what_is_mounted_below(c):
    """rbind shows the directory with all that is mounted below it."""
    c.bind(with_mount_below(c), "/tree", "rbind")
    equal(c.inside("cat /tree/top /tree/below/file"), "topbelow")


@clause(OPTIONS)
def what_is_written_to_a_bind_mount_is_written_outside(c):
    """A bind mount is the source itself, and not a copy."""
    place = volume(c, file="before")
    c.bind(place, "/volume")
    c.bind(place / "file", "/single")
    c.inside("echo after >/single; echo new >/volume/new")
    equal(((place / "file").read_text(), (place / "new").read_text()), ("after\n", "new\n"))


@clause(OPTIONS)
def a_bind_mount_may_be_readonly_while_its_source_is_not(c):
    """ro makes the bind mount read-only, and not the source."""
    place = volume(c, file="before")
    c.bind(place, "/volume", "bind", "ro")
    equal(c.inside("(echo x >/volume/file) 2>/dev/null || echo refused"), "refused")
    (place / "file").write_text("after")


@clause(OPTIONS)
def a_bind_mount_keeps_the_restrictions_of_its_source(c):
    """A bind mount of a read-only place is not made writable by rw missing; and what was mounted nosuid stays so."""
    place = volume(c, "limited")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec", "tmpfs", place], check=True)
    c.bind(place, "/limited", "rbind")
    expect({"nosuid", "nodev", "noexec"} <= c.options_of("/limited")[0], "they are gone")


@clause(MOUNTS)
def a_bind_mount_of_a_missing_source_is_refused(c):
    """A bind mount whose source is not there can't be made, which is an error."""
    c.bind(c.directory / "nowhere", "/volume")
    c.refuses()


@clause(POSIX)
def an_unknown_file_system_is_refused(c):
    """A type that the kernel does not know is an error."""
    c.mount("/x", "no-such-filesystem", "none")
    c.refuses()


@clause(MOUNTS)
def a_mount_without_a_destination_is_refused(c):
    """A destination is required."""
    c.config["mounts"].append({"type": "tmpfs", "source": "tmpfs"})
    c.refuses()


@clause(POSIX)
def proc_is_that_of_the_containers_pid_namespace(c):
    """A proc mount shows the processes of the container's own namespace."""
    c.mount("/other/proc", "proc", "proc", "nosuid", "noexec", "nodev")
    equal(c.inside("cat /other/proc/1/comm; ls -d /other/proc/[0-9]* | wc -l").split()[0], "sh")
    expect({"nosuid", "noexec", "nodev"} <= c.options_of("/other/proc")[0])


@clause(POSIX)
def sysfs_is_that_of_the_containers_network_namespace(c):
    """A sysfs mount shows the links of the container's own network namespace."""
    equal(c.inside("ls /sys/class/net"), "lo")


@clause(POSIX)
def mqueue_can_be_mounted(c):
    """A mount of type mqueue is the queues of the container's own IPC namespace."""
    c.mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev")
    equal(c.inside("touch /dev/mqueue/one; ls /dev/mqueue"), "one")


@clause(POSIX)
def tmpfs_takes_its_own_options(c):
    """Options that are the file system's are given to it: size, mode, uid, gid and the number of inodes."""
    c.mount("/scratch", "tmpfs", "tmpfs", "nosuid", "size=64k", "mode=1751", "uid=5", "gid=6", "nr_inodes=50")
    equal(c.inside("stat -c '%a %u %g' /scratch; (dd if=/dev/zero of=/scratch/x bs=1k count=100 2>/dev/null) || stat -c %s /scratch/x").split(),
          ["1751", "5", "6", "65536"])
    expect({"size=64k", "nr_inodes=50"} <= c.options_of("/scratch")[2])


@clause(POSIX)
def devpts_takes_its_own_options(c):
    """A new instance of devpts has the modes that its options say, and a ptmx that can be used."""
    equal(c.inside("stat -c %a /dev/pts/ptmx; ls /dev/pts"), "666\nptmx")
    expect({"mode=620", "ptmxmode=666"} <= c.options_of("/dev/pts")[2])


@clause(OPTIONS, SHOULD)
def an_option_that_no_one_knows_is_given_to_the_file_system(c):
    """Unknown options are the file system's: one that it does not know either is an error."""
    c.mount("/scratch", "tmpfs", "tmpfs", "no_such_option_at_all")
    c.refuses()


@clause(OPTIONS, MAY)
def tmpcopyup_fills_a_tmpfs_with_what_it_hides(c):
    """tmpcopyup copies what the place held into the tmpfs, with owners and modes, and leaves the original alone."""
    place = c.root / "full"
    (place / "deep").mkdir(parents=True)
    (place / "deep/file").write_text("kept")
    (place / "deep/file").chmod(0o640)
    os.chown(place / "deep/file", 7, 8)
    (place / "link").symlink_to("deep/file")
    c.mount("/full", "tmpfs", "tmpfs", "tmpcopyup")
    equal(c.inside("cat /full/link; stat -c ' %a %u %g' /full/deep/file; echo changed >/full/deep/file"), "kept 640 7 8")
    equal((place / "deep/file").read_text(), "kept")


@clause(OPTIONS)
def remount_changes_a_mount_that_is_there(c):
    """remount changes the options of what is mounted at the destination already."""
    c.mount("/scratch", "tmpfs", "tmpfs", "mode=755")
    c.mount("/scratch", "tmpfs", "tmpfs", "remount", "ro", "nosuid")
    expect({"ro", "nosuid"} <= c.options_of("/scratch")[0] | c.options_of("/scratch")[2], c.options_of("/scratch"))
    equal(c.inside("grep -c ' /scratch ' /proc/mounts"), "1")


@clause(OPTIONS)
def remount_of_a_bind_changes_it(c):
    """bind with remount changes the flags of a bind mount that is there already."""
    place = volume(c, file="x")
    c.bind(place, "/volume", "bind")
    c.bind(place, "/volume", "bind", "remount", "ro", "noexec")
    expect({"ro", "noexec"} <= c.options_of("/volume")[0], c.options_of("/volume"))


IDMAP = {"uidMappings": [{"containerID": 0, "hostID": 70000, "size": 1000}], "gidMappings": [{"containerID": 0, "hostID": 80000, "size": 1000}]}


@clause(POSIX, since="1.1.0")
def mappings_of_a_mount_change_the_owners_that_are_seen(c):
    """idmap with mappings shows the owners of the source as the mappings say, and writes them back the other way round."""
    place = volume(c, file="text")
    os.chown(place / "file", 3, 4)
    c.bind(place, "/mapped", "bind", "idmap", **IDMAP)
    c.process["capabilities"]["effective"].append("CAP_DAC_OVERRIDE")
    equal(c.inside("stat -c '%u %g' /mapped/file; stat -c '%u %g' /mapped"), "70003 80004\n70000 80000")
    equal(os.stat(place / "file").st_uid, 3)


@clause(OPTIONS, SHOULD, since="1.2.0")
def ridmap_maps_what_is_mounted_below_too(c):
    """ridmap applies the mapping to the mounts below as well, idmap to the topmost one alone."""
    place, below = volume(c, "tree", top="top"), volume(c, "other", file="below")
    (place / "below").mkdir()
    subprocess.run(["mount", "--bind", below, place / "below"], check=True)  # No tmpfs: not every kernel maps ids of its.
    c.bind(place, "/mapped", "rbind", "ridmap", **IDMAP)
    c.bind(place, "/top", "rbind", "idmap", **IDMAP)
    equal(c.inside("stat -c %u /mapped/top /mapped/below/file /top/top /top/below/file").split(), ["70000", "70000", "70000", "0"])


@clause(OPTIONS, since="1.2.0")
def idmap_without_any_mapping_is_refused(c):
    """idmap is an error where neither the mount has mappings nor the container a user namespace."""
    c.bind(volume(c), "/mapped", "bind", "idmap")
    c.refuses()


@clause(POSIX, since="1.1.0")
def uid_mappings_without_gid_mappings_are_refused(c):
    """The mappings of a mount come as a pair."""
    c.bind(volume(c), "/mapped", "bind", "idmap", uidMappings=IDMAP["uidMappings"])
    c.refuses()


@clause(OPTIONS, SHOULD, since="1.2.0", needs="user namespaces")
def idmap_may_take_the_mapping_of_the_user_namespace(c):
    """idmap without mappings of its own takes those of the container, or is an error."""
    place = volume(c, file="text")
    c.map_users()
    c.bind(place, "/mapped", "bind", "idmap")
    c.program("stat", "-c", "%u", "/mapped/file")
    done = c.run()
    expect(done.code != 0 or done.out == "0\n", done)
