"""start and restart tell of this start, and not of the one before."""
from harness import MACHINE, eventually, run, web_image
from survival import LAB, capsule


def test_restart_of_a_machine_returns_once_it_runs_anew(nova):
    web_image(nova)
    nova.novafile('project = "power"\n' + MACHINE.replace('network = "lab"\n', ""))
    nova.run("up")
    before = nova.pid_of("vm", "probe")
    assert "restarted" in nova.out("restart", "vm", "probe", "--timeout", "110")
    assert nova.pid_of("vm", "probe") != before


def test_start_of_a_capsule_that_failed_before(nova):
    web_image(nova)
    nova.novafile(LAB + capsule("once", "test -e /www/again && sleep 1000 & wait $!",
                                more='volumes = ["./site:/www"]\nrestart = "never"'))
    assert nova.run("up", check=False).returncode in (0, 1)
    eventually("it failed", lambda: nova.object("container", "once")["status"]["phase"] == "Failed")
    (nova.project / "site/again").touch()
    assert "started" in nova.out("start", "container", "once")
    assert nova.object("container", "once")["status"]["phase"] == "Running"


run(globals())
