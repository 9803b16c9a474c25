"""features.md and features-linux.md: what the runtime says of itself is true."""
import json

from bundle import capability_sets
from suite import clause, equal, expect

FEATURES, LINUX = "features.md", "features-linux.md"
TOP = {"ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations", "potentiallyUnsafeConfigAnnotations"}
OF_LINUX = {"namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "intelRdt", "memoryPolicy", "mountExtensions", "netDevices"}


def features(c):
    done = c.call("features")
    equal(done.code, 0, done)
    return json.loads(done.out)


def version(text):
    return tuple(int(part) for part in text.split("-")[0].split("."))


@clause(FEATURES + "#specification-version", since="1.1.0")
def the_versions_are_told_in_order(c):
    """ociVersionMin and ociVersionMax are there, and the latter is not lower."""
    found = features(c)
    expect(version(found["ociVersionMin"]) <= version(found["ociVersionMax"]), found["ociVersionMin"], found["ociVersionMax"])


@clause(FEATURES + "#specification-version", since="1.1.0")
def the_versions_that_are_told_are_taken(c):
    """Both versions are taken as the version of a config.json."""
    found = features(c)
    for text in (found["ociVersionMin"], found["ociVersionMax"]):
        c.config["ociVersion"] = text
        equal(c.inside("echo ran"), "ran", text)


@clause(FEATURES + "#specification-version", since="1.3.0")
def no_property_is_told_that_the_specification_does_not_have(c):
    """The structure has no properties but those of the specification."""
    found = features(c)
    expect(not set(found) - TOP, set(found) - TOP)
    expect(not set(found["linux"]) - OF_LINUX, set(found["linux"]) - OF_LINUX)


@clause(FEATURES + "#hooks", since="1.1.0")
def the_hooks_that_are_told_are_called(c):
    """Each hook that is told is called."""
    notes = c.share_notes()
    kinds = features(c)["hooks"]
    for kind in kinds:
        c.hook(kind, f"echo {kind} >>{notes}/called")
    c.up("true")
    c.wait_for("stopped")
    c.delete()
    equal(sorted((notes / "called").read_text().split()), sorted(kinds))


@clause(FEATURES + "#mount-options", since="1.1.0")
def the_mount_options_that_are_told_are_taken(c):
    """Each mount option that is told is recognized."""
    place = c.directory / "volume"
    place.mkdir()
    for option in features(c)["mountOptions"]:
        if option in ("idmap", "ridmap", "remount", "acl", "noacl", "mand", "nomand", "copy-symlink"):
            continue  # They need more than a mount of their own, or are the kernel's to refuse.
        number = len(c.config["mounts"])
        if option in ("bind", "rbind", "src-nofollow", "dest-nofollow") or (option.startswith("r") and option not in ("ro", "rw", "relatime")):
            c.bind(place, f"/options/{number}", "rbind", option)
        else:
            c.mount(f"/options/{number}", "tmpfs", "tmpfs", option)
    equal(c.inside("echo ran"), "ran")


@clause(LINUX + "#namespaces", since="1.1.0")
def the_namespaces_that_are_told_are_taken(c):
    """Each type of namespace that is told is recognized."""
    for kind in features(c)["linux"]["namespaces"]:
        if kind == "user":
            c.map_users()
        c.unshare(kind)
    equal(c.inside("echo ran"), "ran")


@clause(LINUX + "#capabilities", since="1.1.0")
def the_capabilities_that_are_told_are_taken(c):
    """Each capability that is told is recognized: none is warned of as unknown."""
    names = features(c)["linux"]["capabilities"]
    expect("CAP_CHOWN" in names and "CAP_CHECKPOINT_RESTORE" in names)
    c.process["capabilities"] = capability_sets(["CAP_CHOWN"])
    c.process["capabilities"]["bounding"] = names
    done = c.run("echo", "ran")
    expect(done.out == "ran\n" and "unknown" not in done.err.lower(), done)


@clause(LINUX + "#seccomp", since="1.1.0")
def the_words_of_seccomp_that_are_told_are_taken(c):
    """Actions, operators, architectures and supported flags of seccomp that are told are recognized."""
    found = features(c)["linux"]["seccomp"]
    expect(found["enabled"])
    spare = iter(["acct", "add_key", "bpf", "delete_module", "finit_module", "init_module", "kexec_load", "lookup_dcookie", "nfsservctl", "quotactl",
                  "reboot", "swapoff", "swapon", "umount2", "ustat", "vhangup", "iopl", "ioperm", "pivot_root"])
    rules = [{"names": [next(spare)], "action": name} for name in found["actions"] if name != "SCMP_ACT_NOTIFY"]
    rules += [{"names": [next(spare)], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": name}]}
              for name in found["operators"]]
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules,
                          "flags": [name for name in found.get("supportedFlags", []) if "WAIT_KILLABLE" not in name]}
    equal(c.inside("echo ran"), "ran")


@clause(LINUX + "#seccomp", since="1.1.0")
def the_architectures_that_are_told_are_taken(c):
    """Architectures of seccomp that are told are recognized."""
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": features(c)["linux"]["seccomp"]["archs"],
                          "syscalls": [{"names": ["reboot"], "action": "SCMP_ACT_ERRNO"}]}
    equal(c.inside("echo ran"), "ran")


@clause(LINUX + "#cgroup", since="1.1.0")
def the_cgroups_that_are_told_are_booleans(c):
    """What is told of cgroups is true or false."""
    found = features(c)["linux"]["cgroup"]
    expect(found["v1"] is True and found["v2"] is True and all(isinstance(value, bool) for value in found.values()), found)


@clause(LINUX + "#memorypolicy", since="1.3.0")
def the_memory_policies_that_are_told_are_of_the_list(c):
    """The modes and flags of memory policies that are told are those of the specification."""
    found = features(c)["linux"]["memoryPolicy"]
    expect({"MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_PREFERRED", "MPOL_LOCAL"} <= set(found["modes"]), found)


@clause(LINUX + "#mountextensions", since="1.2.0")
def id_mapped_mounts_are_told(c):
    """Whether mappings of mounts are tried is told."""
    expect(features(c)["linux"]["mountExtensions"]["idmap"]["enabled"] in (True, False))


@clause(LINUX + "#netdevices", since="1.3.0")
def moving_of_links_is_told(c):
    """Whether links are moved is told."""
    expect(features(c)["linux"]["netDevices"]["enabled"] in (True, False))
