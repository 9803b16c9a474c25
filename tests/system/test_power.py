"""start and restart tell of this start, and not of the one before."""
import os
import signal
import time

from harness import MACHINE, eventually, run, web_image
from survival import LAB, capsule, held

# Fails where there is no /www/again.
ONCE = LAB + capsule("once", "test -e /www/again && sleep 1000 & wait $!", more='volumes = ["./site:/www"]\nrestart = "never"')


def test_restart_of_a_machine_returns_once_it_runs_anew(nova):
    web_image(nova)
    nova.novafile('project = "power"\n' + MACHINE.replace('network = "lab"\n', ""))
    nova.run("up")
    before = nova.pid_of("vm", "probe")
    assert "restarted" in nova.out("restart", "vm", "probe", "--timeout", "110")
    assert nova.pid_of("vm", "probe") != before


def test_start_of_a_capsule_that_failed_before(nova):
    web_image(nova)
    nova.novafile(ONCE)
    assert nova.run("up", check=False).returncode in (0, 1)
    eventually("it failed", lambda: nova.object("container", "once")["status"]["phase"] == "Failed")
    (nova.project / "site/again").touch()
    assert "started" in nova.out("start", "container", "once")
    assert nova.object("container", "once")["status"]["phase"] == "Running"


def test_start_and_restart_take_no_older_failure_for_their_own_however_long_it_takes(nova):
    """Whoever starts it stands still for some seconds, in which nothing but the failure of before can be seen."""
    web_image(nova)
    nova.novafile(ONCE)
    nova.run("up", check=False)
    again = nova.project / "site/again"
    for verb in ("start", "restart"):
        eventually("it failed", lambda: nova.object("container", "once")["status"]["phase"] == "Failed")
        again.touch()
        with held(nova.supervisor_pid()):
            command = nova.start(verb, "container", "once")
            time.sleep(3.5)
        out, err = command.communicate(timeout=120)
        assert command.returncode == 0 and f"once {verb}ed" in out, (verb, command.returncode, out, err)
        assert nova.object("container", "once")["status"]["phase"] == "Running"
        again.unlink()
        os.kill(nova.pid_of("container", "once"), signal.SIGKILL)


run(globals())
