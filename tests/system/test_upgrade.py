"""A newer Nova finds the supervisor of an older one: it is replaced in place, and what runs runs on."""
from harness import CAPSULE, eventually, run, web_image


def test_an_older_supervisor_is_replaced_and_nothing_stops(nova):
    web_image(nova)
    nova.novafile(CAPSULE).run("up")
    pid, supervisor = nova.pid_of("container", "web"), nova.supervisor_pid()
    nova.run("server", "stop")

    mark = nova.root / "run/supervisor.program"
    ours = mark.read_text()
    mark.write_text("of an older nova\n")
    nova.run("ls")

    assert eventually("the mark is ours again", lambda: mark.read_text() == ours)
    eventually("it is logged", lambda: "replaced in place" in (nova.root / "run/nova.log").read_text())
    assert nova.pid_of("container", "web") == pid
    assert nova.supervisor_pid() == supervisor, "the same process, another program"
    assert nova.out("exec", "container", "web", "--", "echo", "still here") == "still here\n"


def test_our_own_supervisor_is_left_alone(nova):
    web_image(nova)
    nova.novafile(CAPSULE).run("up")
    nova.run("server", "stop")
    nova.run("ls")
    assert "replaced in place" not in (nova.root / "run/nova.log").read_text()


run(globals())
