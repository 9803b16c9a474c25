"""What is gone is gone: no process, mount, cgroup, namespace, link or nftables table of ours is left."""
import os
import re
import signal
import time

from harness import MACHINE, alive, below, eventually, inventory, inventory_at_rest, run, web_image
from survival import COUNTER, COUNTING, LAB, capsule, capsules_with, machines_of


# The store, which remembers nothing of what was removed but its revisions; locks, the daemon's log, and a cache of nb's.
KEPT = re.compile(r"state/keyspace/|state/images/lock$|run/nova\.(log|sock\.lock)$|run/supervisor\.program$|run/nb/\.seccomp/")


def files_of(nova):
    """Whatever lies under its root and is no directory."""
    found = (path for top in ("state", "run") for path in below(nova.root / top) if path.is_symlink() or not path.is_dir())
    return sorted(name for path in found if not KEPT.match(name := str(path.relative_to(nova.root))))


def check_nothing_is_left(nova, before, files_before=()):
    def same():
        after = inventory()
        different = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
        assert not different, different
        assert files_of(nova) == list(files_before), f"files: {files_of(nova)}, before: {files_before}"
        return True
    eventually("everything is as before", same)


def write(nova, more=""):
    web_image(nova)
    nova.novafile(LAB + COUNTER + more)


def down_and_stop(nova):
    nova.run("down", timeout=180)
    assert nova.items("container") == {} and nova.items("vm") == {}
    nova.run("server", "stop")


def test_after_down(nova):
    before = inventory()
    write(nova, MACHINE.replace('network = "lab"', 'network = "lab"\nautostart = true'))
    nova.run("up")
    during = inventory()
    for kind in before:
        assert during[kind] != before[kind], f"the inventory of {kind} sees nothing of a Nova that runs"
    assert files_of(nova), "no file of a Nova that runs is seen"
    eventually("the guest listens to its power button", lambda: "probe: address" in nova.out("logs", "vm", "probe"), 240, 0.5)
    down_and_stop(nova)
    check_nothing_is_left(nova, before)


def test_after_one_of_two_was_removed(nova):
    """Each takes its own away, and not the last one all that is left."""
    web_image(nova)
    first = LAB + capsule("first", "sleep 1000 & wait")
    nova.novafile(first).run("up")
    before, files_before = inventory_at_rest(), files_of(nova)
    nova.novafile(first + capsule("second", "sleep 1001 & wait", more='volumes = ["./site:/www:ro"]')).run("up")
    during = inventory()
    assert all(during[kind] != before[kind] for kind in before if kind != "nftables"), during
    nova.run("rm", "container", "second")
    check_nothing_is_left(nova, before, files_before)


def test_after_a_daemon_killed_in_the_middle_of_up(nova):
    before = inventory()
    write(nova)
    for moment in (0.02, 0.08, 0.14, 0.2, 0.26):
        up = nova.start("up")
        time.sleep(moment)
        eventually("a daemon runs", lambda: nova.kill_daemon() or True)
        up.communicate(timeout=120)
        down_and_stop(nova)
        check_nothing_is_left(nova, before)


def test_after_a_daemon_killed_in_the_middle_of_down(nova):
    before = inventory()
    write(nova)
    for moment in (0.0, 0.04, 0.08, 0.12, 0.16):
        nova.run("up")
        down = nova.start("down")
        time.sleep(moment)
        nova.kill_daemon()
        down.communicate(timeout=120)
        down_and_stop(nova)
        check_nothing_is_left(nova, before)


def test_after_a_supervisor_killed_in_the_middle_of_up(nova):
    before = inventory()
    write(nova)
    for moment in (0.1, 0.2):
        up = nova.start("up")
        time.sleep(moment)
        # What is found may be the one that only starts the other, and be gone.
        eventually("a supervisor is killed", lambda: os.kill(nova.supervisor_pid(), signal.SIGKILL) or True)
        up.communicate(timeout=120)
        nova.run("up")
        assert capsules_with(COUNTING)
        down_and_stop(nova)
        check_nothing_is_left(nova, before)


def test_after_an_up_that_failed(nova):
    before = inventory()
    (nova.project / "bad.tar").write_text("this is no archive")
    image = '[image.bad]\nsource = "bad.tar"\n'
    write(nova, image)
    assert nova.run("up", check=False).returncode == 6, "refused before anything is made"
    write(nova, '[container.bad]\ncapsule = "web"\nnetwork = "lab"\ncommand = "/bin/nosuch"\n'
                '[vm.worse]\nmemory = "64Mi"\nkernel = "images/vmlinuz"\ninitramfs = "images/web.tar"\nnetwork = "lab"\n')
    up = nova.run("up", check=False)
    assert up.returncode == 1, up
    eventually("the good half is up", lambda: capsules_with(COUNTING))
    write(nova, image + "nonsense = 1\n")  # What `up` refuses, `down` takes.
    down_and_stop(nova)
    check_nothing_is_left(nova, before)


def test_after_everything_died_at_once(nova):
    """As a reboot, but that mounts, links and groups are still there: the next daemon takes them away with their objects."""
    before = inventory()
    write(nova)
    nova.run("up")
    count = capsules_with(COUNTING)[0][0]
    for pid in (nova.daemon_pid(), nova.supervisor_pid(), count):
        os.kill(pid, signal.SIGKILL)
    eventually("it is dead", lambda: not alive(count))
    down_and_stop(nova)
    assert machines_of(nova) == {}
    check_nothing_is_left(nova, before)


run(globals())
