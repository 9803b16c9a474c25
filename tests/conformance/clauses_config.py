"""config.md: version, root, host name, annotations, and what is not known."""
import json
import os
import pathlib
import subprocess

from suite import SHOULD, add, clause, equal, expect

VERSION, ROOT = "config.md#specification-version", "config.md#root"
EXTENSION, VALUES = "config.md#extensibility", "config.md#valid-values"


def version_is_refused(version):
    def body(c):
        c.config["ociVersion"] = version
        c.refuses()
    return body


for title, wrong in (("that_is_no_semver", "one"), ("with_two_parts", "1.0"), ("that_is_empty", ""), ("of_the_next_major", "2.0.0"), ("that_is_a_number", 1)):
    add(f"a_version_{title}_is_refused", "ociVersion is a version of SemVer 2.0.0 form that the runtime is compatible with.", VERSION,
        version_is_refused(wrong), group="config")


@clause(VERSION)
def a_config_without_a_version_is_refused(c):
    """ociVersion is required."""
    del c.config["ociVersion"]
    c.refuses()


@clause(VERSION)
def older_minor_versions_are_taken(c):
    """A configuration of an older minor version works."""
    for version in ("1.0.0", "1.0.1", "1.0.2", "1.0.2-dev"):
        c.config["ociVersion"] = version
        equal(c.inside("echo ran"), "ran", version)


@clause(VERSION, since="1.3.0")
def newer_minor_versions_are_taken(c):
    """Configurations of versions 1.1, 1.2 and 1.3 work."""
    for version in ("1.1.0", "1.2.0", "1.2.1", "1.3.0"):
        c.config["ociVersion"] = version
        equal(c.inside("echo ran"), "ran", version)


@clause(ROOT)
def root_may_be_relative_to_the_bundle(c):
    """root.path may be relative to the bundle, wherever the runtime is called from."""
    (c.root / "mark").touch()
    equal(c.inside("ls /mark", cwd="/"), "/mark")


@clause(ROOT)
def root_may_be_absolute(c):
    """root.path may be an absolute path, also outside of the bundle."""
    (c.root / "mark").touch()
    c.root.rename(c.directory / "elsewhere")
    c.config["root"]["path"] = str(c.directory / "elsewhere")
    equal(c.inside("ls /mark"), "/mark")


@clause(ROOT)
def a_root_that_is_not_there_is_refused(c):
    """A directory must exist at root.path."""
    c.config["root"]["path"] = "nowhere"
    c.refuses()


@clause(ROOT)
def a_root_that_is_a_file_is_refused(c):
    """What is at root.path must be a directory."""
    (c.bundle / "file").touch()
    c.config["root"]["path"] = "file"
    c.refuses()


@clause(ROOT)
def a_config_without_a_root_is_refused(c):
    """root is required."""
    del c.config["root"]
    c.refuses()


@clause(ROOT)
def a_root_without_a_path_is_refused(c):
    """root.path is required."""
    del c.config["root"]["path"]
    c.refuses()


@clause(ROOT)
def a_readonly_root_can_not_be_written(c):
    """With root.readonly nothing can be written to the root, while mounts in it keep what they are."""
    c.config["root"]["readonly"] = True
    c.mount("/tmp", "tmpfs", "tmpfs")
    found = c.inside("(echo x >/file) 2>/dev/null && echo root; mkdir /d 2>/dev/null && echo directory; echo x >/tmp/file && echo tmp; "
                     "echo x >/dev/shm/file && echo shm; chmod 700 /etc 2>/dev/null && echo mode; true")
    equal(found.split(), ["tmp", "shm"])
    expect("ro" in c.options_of("/")[0], "the mount is not read-only")


@clause(ROOT, needs="user namespaces")
def a_root_on_a_limited_mount_can_be_readonly_in_a_user_namespace(c):
    """root.readonly holds also where the root's mount has options that a user namespace may not take away."""
    c.map_users()
    subprocess.run(["mount", "--bind", c.root, c.root], check=True)
    subprocess.run(["mount", "-o", "remount,bind,nodev,nosuid", c.root], check=True)
    c.config["root"]["readonly"] = True
    equal(c.inside("(echo x >/tmp/file) 2>/dev/null || echo refused"), "refused")
    expect({"ro", "nodev", "nosuid"} <= c.options_of("/")[0], "options are missing")


@clause(ROOT)
def a_root_is_writable_unless_it_is_said_otherwise(c):
    """Without root.readonly the root can be written."""
    del c.config["root"]["readonly"]
    c.inside("echo written >/file")
    equal((c.root / "file").read_text(), "written\n")


@clause(ROOT)
def the_container_sees_its_root_and_not_the_hosts(c):
    """The root directory inside is root.path, and nothing of the host can be reached above it."""
    found = c.inside(f"ls / ; cd /../../..; ls -d {c.bundle} 2>&1; cd /proc/1/root/..; ls -d {c.bundle} 2>&1; true")
    expect(str(c.root) not in found and "bin" in found.split(), found)
    expect(found.count("No such file") == 2, found)


@clause("config.md#hostname")
def hostname_is_set_inside_and_not_outside(c):
    """hostname is the host name inside a UTS namespace of the container's own, and the host keeps its name."""
    before = os.uname().nodename
    c.config["hostname"] = "conformance-host"
    equal(c.inside("hostname; uname -n; cat /proc/sys/kernel/hostname").split(), ["conformance-host"] * 3)
    equal(os.uname().nodename, before)


@clause("config.md#domainname", since="1.1.0")
def domainname_is_set_inside_and_not_outside(c):
    """domainname is the NIS domain name inside a UTS namespace of the container's own."""
    place = pathlib.Path("/proc/sys/kernel/domainname")
    before = place.read_text()
    c.config["domainname"] = "conformance.test"
    equal(c.inside("cat /proc/sys/kernel/domainname"), "conformance.test")
    equal(place.read_text(), before)


@clause("config.md#annotations")
def annotations_with_empty_keys_are_refused(c):
    """A key of an annotation must not be empty."""
    c.config["annotations"] = {"": "nothing"}
    c.refuses()


@clause("config.md#annotations")
def annotations_that_are_no_strings_are_refused(c):
    """Annotations are a map of strings."""
    c.config["annotations"] = {"number": 1}
    c.refuses()


@clause("config.md#annotations", SHOULD)
def unknown_annotations_are_taken(c):
    """An annotation whose key a runtime does not know is no error."""
    c.config["annotations"] = {"org.example.unknown": "x", "run.example.unknown/handler": "", "io.example": "{}"}
    equal(c.inside("echo ran"), "ran")


@clause(EXTENSION)
def unknown_properties_are_ignored(c):
    """A property that is not known is no error, wherever in config.json it stands."""
    unknown = {"unknownNumber": 1, "unknownObject": {"a": [None, {"b": True}]}, "unknownNull": None}
    c.config |= unknown
    c.hook("createRuntime", "true")
    c.resources.update({"memory": {}, "cpu": {}, "pids": {"limit": 100}})
    for place in (c.config["root"], c.process, c.process["user"], c.process["capabilities"], c.linux, c.resources, c.resources["devices"][0],
                  c.linux["namespaces"][0], c.config["mounts"][0], c.config["hooks"], c.config["hooks"]["createRuntime"][0],
                  c.resources["memory"], c.resources["cpu"], c.resources["pids"]):
        place.update(unknown)
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"} | unknown
    equal(c.inside("echo ran"), "ran")


@clause(EXTENSION)
def sections_of_other_platforms_are_ignored(c):
    """The sections of other platforms are no error on Linux."""
    c.config |= {"windows": {"layerFolders": ["C:\\layer"], "servicing": True}, "solaris": {"milestone": "svc:/m"}, "vm": {"kernel": {"path": "/k"}},
                 "zos": {"namespaces": []}, "freebsd": {"devices": []}}
    equal(c.inside("echo ran"), "ran")


def broken(change):
    def body(c):
        c.program("echo", "the program ran")
        change(c)
        c.refuses(change_program=False)
    return body


VALUES_THAT_ARE_WRONG = {
    "process_that_is_a_list": lambda c: c.config.update(process=[]),
    "args_with_a_number": lambda c: c.config.update(process=c.process | {"args": ["echo", 1]}),
    "mounts_that_are_an_object": lambda c: c.config.update(mounts={}),
    "namespace_of_an_unknown_type": lambda c: c.linux["namespaces"].append({"type": "quantum"}),
    "rlimit_of_an_unknown_type": lambda c: c.process.update(rlimits=[{"type": "RLIMIT_JOY", "soft": 1, "hard": 1}]),
    "uid_that_is_a_string": lambda c: c.process["user"].update(uid="root"),
    "negative_uid": lambda c: c.process["user"].update(uid=-1),
    "readonly_that_is_a_string": lambda c: c.config["root"].update(readonly="yes"),
    "unknown_seccomp_action": lambda c: c.linux.update(seccomp={"defaultAction": "SCMP_ACT_PERHAPS"}),
    "unknown_rootfs_propagation": lambda c: c.linux.update(rootfsPropagation="sideways"),
    "unknown_device_type": lambda c: c.linux.update(devices=[{"type": "x", "path": "/dev/x", "major": 1, "minor": 3}]),
}
for title, change in VALUES_THAT_ARE_WRONG.items():
    add(f"a_{title}_is_refused", "A value that is not valid, or not supported, is an error.", VALUES, broken(change), group="config")


@clause(VALUES)
def a_truncated_config_is_refused(c):
    """A config.json that is no JSON is an error, and makes nothing."""
    c.write()
    text = (c.bundle / "config.json").read_text()
    for size in (0, 1, len(text) // 2, len(text) - 1):
        (c.bundle / "config.json").write_text(text[:size])
        expect(c.create(check=False, write=False).code != 0, f"the first {size} bytes are taken")
        expect(not c.known())


@clause("config.md#specification-version", SHOULD)
def a_config_with_all_optional_parts_absent_works(c):
    """What is optional may be absent: a version, a root and a process with cwd, args and user are enough."""
    c.config = {"ociVersion": "1.0.0", "root": {"path": "rootfs"}, "linux": {"cgroupsPath": c.linux["cgroupsPath"], "namespaces": [{"type": "mount"}]},
                "process": {"cwd": "/", "args": ["echo", "ran"], "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]}}
    done = c.run()
    equal((done.code, done.out), (0, "ran\n"), done.err)


@clause("config.md#specification-version", SHOULD)
def the_runtimes_own_example_runs(c):
    """What the runtime writes as an example is a config that it runs."""
    place = c.directory / "example"
    (place / "rootfs").mkdir(parents=True)
    equal(c.call("spec", cwd=place).code, 0)
    c.config = json.loads((place / "config.json").read_text())
    c.process.update({"terminal": False, "args": ["sh", "-c", "echo ran"]})
    c.linux["cgroupsPath"] = f"/{c.group}/{c.id}"
    done = c.run()
    equal((done.code, done.out), (0, "ran\n"), done.err)
