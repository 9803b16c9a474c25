"""SIGKILL of the daemon at twenty random moments: nothing that runs notices, and the next command goes on from there."""
import os
import random
import signal
import time

from harness import alive, eventually, run, web_image
from survival import COUNTER, COUNTING, LAB, STEADY_MACHINE, birth, capsule, capsules_with, check_count, machines_of, seed

MOVING = """
project = "moving"
[network.hop]
subnet = "10.89.0.1/24"
dhcp_range = "10.89.0.50-10.89.0.150"
[image.tools]
source = "images/web.tar"
""" + "".join(capsule(name, f": moving {name}; while :; do sleep 0.05; done", "hop").replace('"web"', '"tools"') for name in "abc")

MOVING_MACHINE = STEADY_MACHINE.replace("vm.probe", "vm.mover").replace('"lab"', '"hop"').replace("nova.fetch=http://count/", "")


def moving():
    """What of the moving project runs now, by the kernel's word."""
    return {name: found[0] for name in "abc" for found in [capsules_with(f": moving {name};")] if found}


def tell_truth(nova):
    """Every workload that `nova ls` calls running does run, with the pid that it says; and nothing runs that it does not list."""
    listed = {}
    for item in nova.json("ls")["items"]:
        name, status = item["metadata"]["name"], item["status"]
        if status.get("phase") == "Running":
            listed[name] = status["pid"] if item["kind"] == "VirtualMachine" else status["containerStatuses"][0]["pid"]
    running = {name: pid for name, (pid, _) in moving().items()}
    running.update({identity.rsplit(".", 1)[1]: pid for identity, (pid, _) in machines_of(nova).items()})
    running.update(count=capsules_with(COUNTING)[0][0])
    assert listed == running, f"nova ls: {listed}; the kernel: {running}"
    return True


def begin(nova, more=""):
    """Brings the steady project up, whose processes must never change from here on."""
    web_image(nova)
    nova.novafile(LAB + COUNTER + STEADY_MACHINE).novafile(MOVING + more, "moving.nova")
    nova.run("up")
    return {"count": birth(nova.pid_of("container", "count")), "probe": birth(nova.pid_of("vm", "probe"))}


def check_steady(nova, steady):
    capsules, machines = capsules_with(COUNTING), machines_of(nova)
    assert capsules == [steady["count"]], f"the capsule that counts was {steady['count']}, now there are {capsules}"
    assert machines.get("vm.default.probe") == steady["probe"], f"the machine was {steady['probe']}, now there are {machines}"


def kill_during(nova, rng, words):
    """Kills the daemon while a command is under way. The command itself may fail; it must end."""
    command = nova.start(*words)
    time.sleep(rng.uniform(0, 0.45))
    before = moving()
    nova.kill_daemon()
    command.communicate(timeout=120)
    return before


def round_of(nova, rng, doing, steady):
    words = {"up": ["--file", "moving.nova", "up"], "down": ["--file", "moving.nova", "down"], "rest": ["ls"]}[doing]
    before = kill_during(nova, rng, words)
    check_steady(nova, steady)
    if doing != "down":
        still = {name: found for name, found in moving().items() if name in before}
        assert still == before, f"{doing}: {before} became {still}"
    eventually("nova ls tells the truth", lambda: tell_truth(nova))
    if doing != "rest":
        nova.run(*words)
    if doing == "up":
        now = moving()
        assert set(now) == set("abc") and before.items() <= now.items(), f"{before} became {now}"
    if doing == "down":
        assert not moving() and set(nova.items("container")) == {"count"}
    tell_truth(nova)
    check_steady(nova, steady)


def test_twenty_moments(nova):
    rng = random.Random(seed())
    steady = begin(nova)
    lines = 0
    for number, doing in enumerate(["up", "down", "rest", "up", "rest", "down"] * 3 + ["up", "down"]):
        begun = time.monotonic()
        round_of(nova, rng, doing, steady)
        lines = check_count(nova.out("logs", "container", "count"), at_least=lines)
        print(f"  {number + 1}. {doing}: {lines} lines, {time.monotonic() - begun:.1f} s", flush=True)


def test_moments_of_a_machine(nova):
    rng = random.Random(seed())
    steady = begin(nova, MOVING_MACHINE)
    up, down = ["--file", "moving.nova", "up"], ["--file", "moving.nova", "down"]
    for _ in range(2):
        kill_during(nova, rng, up)
        before = machines_of(nova)
        nova.run(*up)
        assert before.items() <= machines_of(nova).items() and len(machines_of(nova)) == 2, f"{before}: {machines_of(nova)}"
        eventually("nova ls tells the truth", lambda: tell_truth(nova))
    eventually("the guest listens to its power button", lambda: "probe: address" in nova.out("logs", "vm", "mover"), 240, 0.5)
    kill_during(nova, rng, down)
    nova.run(*down)
    assert set(machines_of(nova)) == {"vm.default.probe"} and set(nova.items("vm")) == {"probe"}
    check_steady(nova, steady)
    check_count(nova.out("logs", "container", "count"))


def ended_well(commands):
    for command in commands:
        out, err = command.communicate(timeout=120)
        assert command.returncode == 0, f"{' '.join(map(str, command.args))}: exit {command.returncode}\n{out}{err}\n"


def test_who_only_looks_does_not_notice(nova):
    """The daemon may die while it takes the connection, before it answers, or in the middle: the command asks the next one."""
    rng = random.Random(seed())
    nova.run("net", "create", "lab", "--subnet", "10.90.0.1/24")
    for _ in range(15):
        commands = [nova.start("ls", "networks") for _ in range(3)]
        time.sleep(rng.uniform(0, 0.04))
        eventually("there is a daemon to kill", lambda: nova.kill_daemon() or True)
        ended_well(commands)
    assert set(nova.items("networks")) == {"lab"}


def test_a_daemon_that_is_stopped_takes_no_command_along(nova):
    """Nor does the next one, which begins while the last one still ends."""
    rng = random.Random(seed())
    nova.run("ls")
    for number in range(15):
        create = nova.start("net", "create", f"net{number}", "--subnet", f"10.91.{number}.1/24")
        time.sleep(rng.uniform(0, 0.04))
        stop = nova.start("server", "stop")
        time.sleep(rng.uniform(0, 0.02))
        ended_well([create, stop, nova.start("ls")])
    assert len(nova.items("networks")) == 15


def test_the_first_answer_is_no_older_than_the_daemon(nova):
    """A capsule dies while nobody looks: the very first `ls` of the next daemon must not repeat what the last one wrote."""
    web_image(nova)
    nova.novafile(LAB + capsule("short", "while :; do sleep 0.05; done", more='restart = "never"'))
    nova.run("up")
    for _ in range(5):
        short = nova.pid_of("container", "short")
        nova.kill_daemon()
        os.kill(short, signal.SIGKILL)
        eventually("it is dead", lambda pid=short: not alive(pid))
        status = nova.object("container", "short")["status"]
        assert status["phase"] == "Failed" and status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137, status
        nova.run("start", "container", "short")


def test_a_machine_that_died_meanwhile_is_started_again(nova):
    steady = begin(nova)
    nova.kill_daemon()
    os.kill(steady["probe"][0], signal.SIGKILL)
    eventually("it is dead", lambda: not alive(steady["probe"][0]))
    nova.run("ls")  # Starts a daemon.
    successor = eventually("it is started again", lambda: machines_of(nova)["vm.default.probe"])
    assert successor != steady["probe"]
    eventually("nova ls tells the truth", lambda: tell_truth(nova))
    assert "ended by signal 9" in nova.out("events"), nova.out("events")
    assert capsules_with(COUNTING) == [steady["count"]]


run(globals())
