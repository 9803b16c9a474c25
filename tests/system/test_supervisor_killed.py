"""SIGKILL of the supervisor: capsules and machines run on and are adopted, and what nobody saw is not made up."""
import os
import signal

from harness import alive, eventually, processes, run, typed, web_image
from survival import COUNTER, COUNTING, LAB, STEADY_MACHINE, birth, capsule, capsules_with, check_count, held, machines_of

ENDING = capsule("ending", "while [ ! -e /www/end ]; do sleep 0.05; done; echo last words; exit 7", more='volumes = ["./site:/www"]\nrestart = "never"')


def begin(nova, more=""):
    web_image(nova)
    nova.novafile(LAB + COUNTER + more)
    nova.run("up")
    return birth(nova.pid_of("container", "count"))


def kill(nova, *pids):
    """All at once: on a busy machine one would see another's end, and start it anew, before its own."""
    for sent in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, sent)
    for pid in pids:
        eventually(f"process {pid} is dead", lambda pid=pid: not alive(pid))


def keeper_of(nova):
    return next(pid for pid, words in processes() if "--keeper" in words and any(str(nova.root) in word for word in words))


def check_runs_on(count):
    now = capsules_with(COUNTING)
    assert now == [count], f"the capsule that counts was {count}, now there are {now}"


def status_of(nova, name="ending"):
    return nova.object("container", name)["status"]


def test_all_that_runs_is_adopted(nova):
    count = begin(nova, STEADY_MACHINE)
    machine = machines_of(nova)
    eventually("the guest talks", lambda: "probe: address" in nova.out("logs", "vm", "probe"), 240, 0.5)
    lines = 0
    for _ in range(5):
        old = nova.supervisor_pid()
        kill(nova, old)
        eventually("a successor runs", lambda: nova.supervisor_pid() != old)
        check_runs_on(count)
        assert machines_of(nova) == machine, f"the machine was {machine}, now there are {machines_of(nova)}"
        lines = eventually("lines go on", lambda: check_count(nova.out("logs", "container", "count"), at_least=lines))
    assert nova.pid_of("container", "count") == count[0] and nova.pid_of("vm", "probe") == machine["vm.default.probe"][0]
    assert nova.object("container", "count")["status"]["containerStatuses"][0]["restartCount"] == 0
    assert nova.out("exec", "container", "count", "--", "echo", "hello") == "hello\n"
    typed(nova, "echo sum=$((40 + 2))", "sum=42")
    eventually("its console is logged", lambda: "sum=42" in nova.out("logs", "vm", "probe"))
    nova.run("stop", "vm", "probe")
    assert nova.object("vm", "probe")["status"]["exitCode"] == 0, "its monitor still serves"


def test_daemon_and_supervisor_killed_together(nova):
    count = begin(nova)
    kill(nova, nova.supervisor_pid(), nova.daemon_pid())
    assert nova.pid_of("container", "count") == count[0]
    check_runs_on(count)
    check_count(nova.out("logs", "container", "count"))


def test_an_end_that_nobody_saw_is_unknown(nova):
    count = begin(nova, ENDING)
    ending = nova.pid_of("container", "ending")
    kill(nova, keeper_of(nova), nova.daemon_pid(), nova.supervisor_pid())
    (nova.project / "site/end").touch()
    # Of a zombie the next supervisor could still learn how it ended.
    eventually("it ended and was reaped", lambda: not os.path.exists(f"/proc/{ending}"))
    told = eventually("told", lambda: (status := status_of(nova))["phase"] != "Running" and status)
    assert told["phase"] == "Unknown", told
    assert "can't be known" in nova.out("status", "container", "ending")
    assert "exitCode" not in told["containerStatuses"][0]["state"].get("terminated", {}), told
    check_runs_on(count)
    check_count(nova.out("logs", "container", "count"))


def test_an_end_that_the_keeper_saw_is_known_or_unknown_but_not_wrong(nova):
    begin(nova, ENDING)
    ending = nova.pid_of("container", "ending")
    kill(nova, nova.daemon_pid(), nova.supervisor_pid())
    (nova.project / "site/end").touch()
    eventually("it ended", lambda: not alive(ending))
    told = eventually("told", lambda: (status := status_of(nova))["phase"] != "Running" and status)
    code = told["containerStatuses"][0]["state"].get("terminated", {}).get("exitCode")
    assert (told["phase"], code) in (("Failed", 7), ("Unknown", None)), told
    assert nova.out("logs", "container", "ending") == "last words\n", "the keeper held what nobody had logged yet"


def test_an_end_while_no_supervisor_lives_is_heard_of(nova):
    """The daemon lives on: nobody tells it of the end, and it does not look at everything for minutes."""
    count = begin(nova, ENDING.replace("never", "always"))
    ending = birth(nova.pid_of("container", "ending"))
    with held(nova.daemon_pid()):
        kill(nova, nova.supervisor_pid(), ending[0])
    successor = eventually("it is started anew", lambda: [found for found in capsules_with("last words") if found != ending])
    assert len(successor) == 1, successor
    eventually("nova ls tells the truth", lambda: nova.pid_of("container", "ending") == successor[0][0])
    check_runs_on(count)


run(globals())
