"""Machines as their users meet them: console, log, power, disks, acceleration."""
import contextlib
import json
import re
import subprocess

from harness import MACHINE, Terminal, alive, eventually, processes, run, typed, web_image

PROBE = 'project = "test"\n' + MACHINE.replace('network = "lab"\n', "")


def machine(nova, more=""):
    web_image(nova)
    nova.novafile(PROBE + more)
    nova.run("up")
    eventually("its shell is there", lambda: "no network card" in nova.out("logs", "vm", "probe"), seconds=240, every=0.3)


def status(nova):
    return nova.object("vm", "probe")["status"]


def test_the_console_takes_commands_and_ctrl_bracket_leaves(nova):
    machine(nova)
    typed(nova, "echo sum=$((40 + 2))", "sum=42")
    pid = nova.pid_of("vm", "probe")
    assert alive(pid), "leaving the console leaves the machine alone"
    typed(nova, "echo again=$((1 + 1))", "again=2")
    # A line is logged when it is whole; the terminal shows it sooner.
    eventually("what the console showed is in the log", lambda: "sum=42" in (log := nova.out("logs", "vm", "probe")) and "again=2" in log)
    assert nova.out("logs", "vm", "probe", "--tail", "3").count("\n") <= 3
    stamped = nova.out("logs", "probe", "--timestamps", "--tail", "1")
    assert re.match(r"\d{4}-\d\d-\d\dT", stamped), stamped
    done = nova.run("exec", "probe", "--", "true", check=False)
    assert done.returncode != 0 and "nova console probe" in done.stderr, done.stderr
    for words in (["attach", "probe"], ["attach", "vm", "probe"]):
        done = nova.run(*words, check=False)
        assert done.returncode == 1 and "nova console probe" in done.stderr, (words, done.returncode, done.stderr)


def test_stop_presses_the_power_button_and_start_boots_again(nova):
    machine(nova)
    first = nova.pid_of("vm", "probe")
    nova.run("stop", "vm", "probe")
    assert (status(nova)["phase"], status(nova)["exitCode"]) == ("Stopped", 0) and not alive(first)
    assert "did not" not in nova.out("events"), "it was not killed for it"
    nova.run("start", "vm", "probe")
    second = nova.pid_of("vm", "probe")
    assert second != first and alive(second)
    assert "nothing to do" in nova.out("plan")
    nova.run("stop", "vm", "probe")
    assert '"running"' in nova.out("plan", "-o", "json") or "spec.running" in nova.out("plan"), "the file wants it to run"
    nova.run("up")
    assert status(nova)["phase"] == "Running"


def test_a_guest_that_powers_itself_off_stays_off_with_its_reason(nova):
    machine(nova)
    first = nova.pid_of("vm", "probe")
    with contextlib.closing(Terminal(nova, "console", "probe")) as terminal:
        terminal.read_until("Ctrl-] leaves")
        terminal.type("\r")
        terminal.read_until("#", 120)
        terminal.type("poweroff -f\r")
        assert terminal.wait() == 0, "the console ends with the machine"
    eventually("it is off", lambda: status(nova)["phase"] == "Stopped")
    told = nova.out("status", "vm", "probe")
    assert "GuestPoweredOff" in told and not alive(first), told
    nova.run("run", "vm", "probe")
    assert status(nova)["phase"] == "Running" and nova.pid_of("vm", "probe") != first


def test_a_machine_whose_qemu_is_killed_is_started_again(nova):
    machine(nova)
    first = nova.pid_of("vm", "probe")
    subprocess.run(["kill", "-KILL", str(first)], check=True)
    eventually("it is back", lambda: status(nova)["phase"] == "Running" and nova.pid_of("vm", "probe") != first)
    assert "signal 9" in nova.out("status", "vm", "probe") + nova.out("events")


def test_a_disk_is_attached_over_its_base_and_keeps_what_is_written(nova):
    base = nova.project / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", base, "32M"], check=True)
    before = base.read_bytes()
    machine(nova, 'image = "base.qcow2"\ndisk_size = "64Mi"\n')
    typed(nova, "test -b /dev/vda && echo size=$(cat /sys/block/vda/size)", "size=131072")
    typed(nova, "echo precious | dd of=/dev/vda conv=fsync 2>/dev/null; echo written=$?", "written=0")
    nova.run("stop", "vm", "probe")
    nova.run("start", "vm", "probe")
    eventually("it booted again", lambda: nova.out("logs", "vm", "probe").count("no network card") >= 2, seconds=240, every=0.3)
    typed(nova, "head -c 8 /dev/vda | tr a-z A-Z", "PRECIOUS")
    nova.run("rm", "vm", "probe")
    assert base.read_bytes() == before, "the base is as it was"
    assert not list(nova.root.glob("state/vms/probe.vm/*")), "the machine's own disk went with it"


def test_acceleration_is_measured_and_told(nova):
    machine(nova)
    doctor = {check["check"]: check for check in json.loads(nova.run("doctor", "--output", "json", check=False).stdout)["checks"]}
    used = re.match(r"(kvm|tcg): .+", doctor["acceleration"]["message"])
    assert used, doctor["acceleration"]
    told = nova.out("status")
    assert re.search(f"machines run under {used[1]}: .+", told), told
    assert status(nova)["acceleration"] == used[1]
    command = next(words for pid, words in processes() if pid == nova.pid_of("vm", "probe"))
    assert any(used[1] in word for word in command), command


run(globals())
