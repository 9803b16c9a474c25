"""config.md#linux-mount-options: each option of the table, seen in the container's mountinfo."""
import subprocess

from suite import MAY, MUST, SHOULD, add, equal, expect

OPTIONS = "config.md#linux-mount-options"


def options_inside(c, place, *asked, kind="tmpfs"):
    c.mount(place, kind, "tmpfs", *asked)
    return c.options_of(place)


def shows(asked, wanted, where):
    """A tmpfs with the options shows what is wanted, in the mount's (0) or the file system's (2) options."""
    def body(c):
        found = options_inside(c, "/option", *asked)
        expect(wanted in found[where], f"{' '.join(asked)} gives", found)
    return body


def hides(asked, unwanted):
    """A tmpfs with the options does not show what one of them takes back."""
    def body(c):
        found = options_inside(c, "/option", *asked)
        expect(unwanted not in found[0] | found[2], f"{' '.join(asked)} gives", found)
    return body


# What an option shows. Where the kernel shows nothing, the option has to be taken all the same.
SHOWN = {"ro": 0, "nosuid": 0, "nodev": 0, "noexec": 0, "noatime": 0, "nodiratime": 0, "relatime": 0, "sync": 2, "dirsync": 2, "lazytime": 2,
         "nosymfollow": 0, "mand": 2}
OPPOSITE = {"rw": "ro", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "atime": "noatime", "diratime": "nodiratime", "async": "sync",
            "nolazytime": "lazytime", "symfollow": "nosymfollow", "nomand": "mand"}
SILENT = ["defaults", "loud", "silent", "iversion", "noiversion", "norelatime", "nostrictatime"]
LEVELS = {"nosymfollow": SHOULD, "symfollow": SHOULD, "mand": MAY, "nomand": MAY}
for option, where in SHOWN.items():
    if option != "mand":
        add(f"option_{option}", f"The mount option {option} has its effect.", OPTIONS, shows([option], option, where), LEVELS.get(option, MUST),
            group="mount_options")
for option, other in OPPOSITE.items():
    add(f"option_{option}", f"The mount option {option} takes {other} back.", OPTIONS, hides([other, option], other), LEVELS.get(option, MUST),
        group="mount_options")


def is_taken(option):
    def body(c):
        c.mount("/option", "tmpfs", "tmpfs", option)
        equal(c.inside("echo x >/option/file && cat /option/file"), "x")
    return body


for option in SILENT:
    add(f"option_{option}", f"The mount option {option} is taken.", OPTIONS, is_taken(option), group="mount_options")


def strictatime(c):
    found = options_inside(c, "/option", "strictatime")[0]
    expect("relatime" not in found and "noatime" not in found, found)


add("option_strictatime", "The mount option strictatime leaves neither relatime nor noatime.", OPTIONS, strictatime, group="mount_options")


def bind_option(option):
    """The same, on a bind mount of a directory, whose source keeps what it has."""
    def body(c):
        place = c.directory / "volume"
        place.mkdir()
        c.bind(place, "/option", "bind", option)
        expect(option in c.options_of("/option")[0], c.options_of("/option"))
    return body


for option in ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"):
    add(f"option_{option}_on_a_bind_mount", f"The mount option {option} has its effect on a bind mount.", OPTIONS, bind_option(option),
        LEVELS.get(option, MUST), group="mount_options")


def tree(c, *options):
    """A directory with a tmpfs below it, which has these options."""
    place = c.directory / "tree"
    (place / "below").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", *(["-o", ",".join(options)] if options else []), "tmpfs", place / "below"], check=True)
    return place


def recursive(option, before, wanted):
    """An option with r reaches the mounts below; (has, has not) is what these then show."""
    def body(c):
        c.bind(tree(c, *before), "/tree", "rbind", option)
        found = c.inside("cat /proc/self/mountinfo")
        for place in ("/tree", "/tree/below"):
            flags = c.options_of(place, found)[0]
            has, has_not = wanted
            expect((not has or has in flags) and (not has_not or has_not not in flags), option, place, sorted(flags))
    return body


RECURSIVE = {
    "rro": ((), ("ro", "rw")), "rrw": (("ro",), ("rw", "ro")), "rnosuid": ((), ("nosuid", "")), "rsuid": (("nosuid",), ("", "nosuid")),
    "rnodev": ((), ("nodev", "")), "rdev": (("nodev",), ("", "nodev")), "rnoexec": ((), ("noexec", "")), "rexec": (("noexec",), ("", "noexec")),
    "rnoatime": ((), ("noatime", "")), "ratime": (("noatime",), ("", "noatime")), "rnodiratime": ((), ("nodiratime", "")),
    "rdiratime": (("nodiratime",), ("", "nodiratime")), "rrelatime": (("noatime",), ("relatime", "noatime")),
    "rnorelatime": ((), ("", "noatime")), "rstrictatime": (("noatime",), ("", "noatime")), "rnostrictatime": ((), ("", "noatime")),
    "rnosymfollow": ((), ("nosymfollow", "")), "rsymfollow": ((), ("", "nosymfollow")),
}
for option, (before, wanted) in RECURSIVE.items():
    add(f"option_{option}", f"The mount option {option} reaches the mounts below as well.", OPTIONS, recursive(option, before, wanted), SHOULD,
        since="1.1.0", group="mount_options")


def plain_stays_above(c):
    """ro on an rbind changes the topmost mount alone."""
    c.bind(tree(c), "/tree", "rbind", "ro")
    found = c.inside("cat /proc/self/mountinfo")
    expect("ro" in c.options_of("/tree", found)[0] and "ro" not in c.options_of("/tree/below", found)[0])


add("an_option_without_r_leaves_the_mounts_below_alone", "An option that is not recursive changes the topmost mount of an rbind alone.", OPTIONS,
    plain_stays_above, group="mount_options")


def propagation(option, wanted):
    def body(c):
        place = tree(c)
        for path in (place / "below",):
            subprocess.run(["mount", "--make-shared", path], check=True)
        subprocess.run(["mount", "--bind", place, place], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place / "below"], check=True)
        for path in (place, place / "below"):
            subprocess.run(["mount", "--make-shared", path], check=True)
        c.bind(place, "/tree", "rbind", option)
        found = c.inside("cat /proc/self/mountinfo")
        for path, deep in (("/tree", False), ("/tree/below", True)):
            if deep and not option.startswith("r"):
                continue
            tags = {tag.split(":")[0] for tag in c.options_of(path, found)[1]}
            # What a container shares is a peer group of its own, which may still hear from the host's.
            ignored = {"propagate_from"} | ({"master"} if option.endswith("shared") else set())
            equal(tags - ignored, wanted, f"{option} at {path}")
    return body


for option, wanted in (("private", set()), ("shared", {"shared"}), ("slave", {"master"}), ("unbindable", {"unbindable"})):
    for prefix in ("", "r"):
        add(f"option_{prefix}{option}", f"The mount option {prefix}{option} sets the propagation of the mount" + (" and of those below it." if prefix else "."),
            OPTIONS, propagation(prefix + option, wanted), group="mount_options")


def slave_receives(c):
    place = c.directory / "seen"
    place.mkdir()
    subprocess.run(["mount", "--bind", place, place], check=True)
    subprocess.run(["mount", "--make-shared", place], check=True)
    (place / "later").mkdir()
    c.bind(place, "/seen", "rbind", "rslave")
    pid = c.up()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place / "later"], check=True)
    (place / "later/file").write_text("seen")
    with open(f"/proc/{pid}/root/seen/later/file") as seen:
        equal(seen.read(), "seen")


add("a_slave_mount_sees_what_is_mounted_outside_later", "What is mounted outside later is seen through a mount that is rslave.", OPTIONS, slave_receives,
    group="mount_options")


def private_does_not(c):
    place = c.directory / "seen"
    (place / "later").mkdir(parents=True)
    c.bind(place, "/seen", "rbind", "rprivate")
    pid = c.up()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place / "later"], check=True)
    expect(f" {place}/later " in open("/proc/self/mountinfo").read())
    expect(" /seen/later " not in open(f"/proc/{pid}/mountinfo").read(), "it is seen")


add("a_private_mount_does_not_see_what_is_mounted_outside_later", "What is mounted outside later is not seen through a mount that is rprivate.", OPTIONS,
    private_does_not, group="mount_options")
