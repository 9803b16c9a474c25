"""Who can rename in the rootfs while a container is started moves the places of its mounts: what is hidden stays hidden all the same."""
from harness import run
from victim import Victim, swapping, until_one_started

SECONDS = 4


def race(nova, victim, one, other, check):
    """Starts containers while two names of the rootfs change places; returns how many came up."""
    starts = 0
    with swapping(nova, victim.rootfs / one, victim.rootfs / other):
        for _ in until_one_started(SECONDS, lambda: starts):
            victim.watch()
            done = victim.run()
            starts += done.returncode == 0
            check(done)
            victim.check_untouched()
    return starts


def hide(victim):
    """A masked file, a masked directory and a read-only one, wherever the procfs lies in the end."""
    victim.config["linux"]["maskedPaths"] = ["/proc/version", "/proc/tty"]
    victim.config["linux"]["readonlyPaths"] = ["/proc/sys"]
    victim.shell("""for proc in /proc /fake; do
        [ -e $proc/self/stat ] || continue
        [ ! -s $proc/version ] || echo SEEN
        [ -z "$(ls $proc/tty)" ] || echo LISTED
        ! echo raced 2>/dev/null >$proc/sys/kernel/hostname || echo WRITTEN
        done; true""")


def check_hidden(done):
    assert done.stdout == "", f"not hidden: {done.stdout}{done.stderr}"


def test_a_proc_that_moves_is_masked_all_the_same(nova):
    """A directory takes the place of /proc after the procfs was mounted there, and gives it back."""
    with Victim(nova) as victim:
        hide(victim)
        (victim.rootfs / "fake").mkdir()
        assert race(nova, victim, "proc", "fake", check_hidden) > 0, "no container ever came up: nothing was raced"


def test_a_link_in_the_place_of_proc_changes_nothing(nova):
    """The same with a link, which is refused where it is seen in time."""
    with Victim(nova) as victim:
        hide(victim)
        (victim.rootfs / "fake").symlink_to("/tmp")
        assert race(nova, victim, "proc", "fake", check_hidden) > 0, "no container ever came up: nothing was raced"


def test_a_dev_that_moves_gets_its_devices_all_the_same(nova):
    """Devices of the container are made in its own /dev, and never in what takes its place in the rootfs."""
    with Victim(nova) as victim:
        (victim.rootfs / "fake").mkdir()
        victim.config["linux"]["devices"] = [{"type": "c", "path": "/dev/own", "major": 1, "minor": 5}]
        victim.shell("true")

        def check(_):
            made = [path.name for place in ("dev", "fake") for path in (victim.rootfs / place).iterdir()]
            assert made == [], f"made in the rootfs: {made}"
        assert race(nova, victim, "dev", "fake", check) > 0, "no container ever came up: nothing was raced"


run(globals())
