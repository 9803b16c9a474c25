"""Capsules as their users meet them: run, exec, logs, power, volumes, limits, ports and names."""
import contextlib
import json
import os
import re
import subprocess
import urllib.request

from harness import CAPSULE, Terminal, alive, eventually, run, web_image

LAB = CAPSULE.split("[container.web]")[0]
# Ends at once when it is asked to: what is pid 1 has no default for SIGTERM.
STAY = '["/bin/sh", "-c", "trap exit TERM; while true; do sleep 0.2; done"]'
TOOLS = f'[container.tools]\ncapsule = "web"\nnetwork = "lab"\ncommand = {STAY}\nargs = []\n'


def lab(nova, more="", **options):
    web_image(nova)
    nova.novafile(LAB + more)
    return nova.run("up", **options)


def phase(nova, name):
    return nova.object("container", name)["status"]["phase"]


def container_status(nova, name):
    return nova.object("container", name)["status"]["containerStatuses"][0]


def test_run_passes_output_and_exit_code_on(nova):
    lab(nova)
    done = nova.run("run", "container", "job", "--image", "web", "--rm", "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert done.returncode == 7, (done.returncode, done.stderr)
    assert "out\n" in done.stdout and "err\n" in done.stdout + done.stderr, (done.stdout, done.stderr)
    eventually("--rm removed it", lambda: "job" not in nova.items("container"))
    again = nova.run("run", "container", "job", "--image", "web", "--rm", "-e", "WORD=a b", "--", "sh", "-c", 'echo "$WORD"')
    assert again.stdout == "a b\n", again.stdout
    nova.run("run", "container", "kept", "--image", "web", "--", "true")
    assert phase(nova, "kept") == "Succeeded"
    assert "exited 0" in nova.out("status", "container", "kept") or "0" in nova.out("status", "container", "kept")


def test_detach_returns_once_it_runs(nova):
    lab(nova)
    nova.run("run", "container", "job", "--image", "web", "--detach", "--", "sh", "-c", "trap exit TERM; while true; do sleep 0.1; done")
    assert phase(nova, "job") == "Running" and alive(nova.pid_of("container", "job"))


def test_an_image_that_is_not_here_is_told_with_the_next_step(nova):
    lab(nova)
    done = nova.run("run", "container", "job", "--image", "nowhere:1", "--rm", "--", "true", check=False)
    assert done.returncode != 0 and "nowhere:1" in done.stderr and "nova image import" in done.stderr, (done.returncode, done.stderr)
    assert "job" not in nova.items("container"), "what --rm made is gone again"


def test_a_command_that_is_not_there_is_told(nova):
    lab(nova)
    done = nova.run("run", "container", "job", "--image", "web", "--rm", "--", "/bin/nothing-here", check=False)
    assert done.returncode != 0 and "nothing-here" in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr)


def test_exec_passes_input_exit_code_user_directory_and_environment(nova):
    lab(nova, TOOLS)
    assert nova.out("exec", "-i", "tools", "--", "tr", "a-z", "A-Z", text_input="shout\n") == "SHOUT\n"
    assert nova.run("exec", "tools", "--", "sh", "-c", "exit 9", check=False).returncode == 9
    done = nova.run("exec", "tools", "--", "sh", "-c", "echo to-out; echo to-err >&2")
    assert (done.stdout, done.stderr) == ("to-out\n", "to-err\n")
    assert nova.out("exec", "--user", "65534", "--workdir", "/tmp", "--env", "A=b c", "tools", "--", "sh", "-c", 'echo "$(id -u) $(pwd) $A"') == "65534 /tmp b c\n"
    assert nova.out("exec", "--user", "nobody", "tools", "--", "id", "-u") == "65534\n"
    assert nova.out("exec", "tools", "--", "tty", check=False).strip() == "not a tty"
    big = nova.out("exec", "-i", "tools", "--", "cat", text_input="x" * 1_000_000)
    assert len(big) == 1_000_000
    assert nova.run("exec", "nothing", "--", "true", check=False).returncode == 2


def test_exec_says_whether_its_command_is_missing_or_unusable(nova):
    lab(nova, TOOLS)
    for words, code, said in ((["tools", "--", "/no/such"], 127, "/no/such: No such file or directory"), (["tools", "--", "nosuch"], 127, '"nosuch" not found in $PATH'),
                              (["tools", "--", "/etc/passwd"], 126, "/etc/passwd: Permission denied"), (["-w", "/nosuch", "tools", "--", "true"], 126, 'enter /nosuch: there is no such directory')):
        done = nova.run("exec", *words, check=False)
        assert done.returncode == code and said in done.stderr and done.stderr.count("\n") == 1 and done.stdout == "", (words, done.returncode, done.stdout, done.stderr)


def test_verbs_take_several_names(nova):
    lab(nova, TOOLS + TOOLS.replace("container.tools", "container.other"))
    done = nova.run("rm", "tools", "nothing", check=False)
    assert done.returncode == 2 and "no capsule or machine is called nothing" in done.stderr, (done.returncode, done.stderr)
    assert set(nova.items("container")) == {"tools", "other"}, "all are looked for first"
    done = nova.run("logs", "tools", "other", check=False)
    assert done.returncode == 6 and "takes one name" in done.stderr, (done.returncode, done.stderr)
    assert nova.out("stop", "tools", "other") == "tools stopped\nother stopped\n"
    assert nova.out("rm", "container", "tools", "other") == "tools removed\nother removed\n"
    assert nova.items("container") == {}


def test_attach_types_up_to_the_escape_key_and_leaves_at_the_end_of_its_input(nova):
    lab(nova, TOOLS)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shell"}, "spec": {"containers": [{"name": "shell", "image": "web", "command": ["/bin/sh"], "tty": True}]}}
    subprocess.run(["curl", "--silent", "--show-error", "--fail-with-body", "--unix-socket", nova.root / "run/nova.sock", "--json", json.dumps(pod),
                    "http://nova/api/v1/namespaces/default/pods"], check=True, stdout=subprocess.DEVNULL)
    eventually("the shell runs", lambda: phase(nova, "shell") == "Running")
    with contextlib.closing(Terminal(nova, "attach", "shell")) as terminal:
        terminal.read_until("Ctrl-] leaves")
        terminal.type("echo one two | tr a-z A-Z\r")
        terminal.read_until("ONE TWO")
        terminal.type("echo last > /typed\r\x1decho never > /typed\r")
        assert terminal.wait() == 0
    assert eventually("what was typed before the key arrived", lambda: nova.out("exec", "shell", "--", "cat", "/typed")) == "last\n"
    eventually("the shell answers what is piped in", lambda: "PIPED" in nova.out("attach", "shell", text_input="echo piped | tr a-z A-Z\n"))
    assert nova.run("attach", "shell", text_input="", timeout=60).stdout == ""
    done = nova.run("attach", "tools", text_input="", timeout=60)
    assert "tools has no terminal" in done.stderr, done.stderr


def test_console_is_for_machines_and_attach_for_capsules(nova):
    lab(nova, TOOLS)
    for words in (["console", "tools"], ["console", "container", "tools"]):
        done = nova.run(*words, check=False)
        assert done.returncode == 1 and "nova attach tools" in done.stderr, (words, done.returncode, done.stderr)
    for words in (["attach", "nothing"], ["attach", "vm", "nothing"], ["console", "vm", "tools"]):
        assert nova.run(*words, check=False).returncode == 2, words


def test_a_command_that_ends_at_once_is_not_taken_for_a_lost_connection(nova):
    lab(nova, TOOLS)
    for _ in range(40):
        assert nova.out("exec", "tools", "--", "echo", "there") == "there\n"
        assert nova.run("exec", "-i", "tools", "--", "false", check=False, text_input="x" * 100_000).returncode == 1


def test_exec_with_a_terminal_follows_the_window(nova):
    lab(nova, TOOLS)
    with contextlib.closing(Terminal(nova, "exec", "-it", "tools", "--", "sh", columns=91, rows=33)) as terminal:
        terminal.type("stty size\r")
        terminal.read_until("33 91")
        terminal.resize(100, 40)
        terminal.type("until [ \"$(stty size)\" = '40 100' ]; do sleep 0.05; done; echo as wide as $((99 + 1))\r")
        terminal.read_until("as wide as 100")
        # What shows the terminal's name is the one to be interrupted: a shell that only starts it may get the signal itself, and wait on.
        terminal.type("sh -c 'trap \"exit 9\" INT; tty; while true; do sleep 0.1; done'\r")
        terminal.read_until("/dev/pts/")
        terminal.type("\x03")  # Ctrl-C reaches what runs inside.
        terminal.type("exit 5\r")
        assert terminal.wait() == 5


def test_logs_follow_tail_timestamps_and_since(nova):
    lab(nova)
    nova.run("run", "container", "job", "--image", "web", "--network", "lab", "--", "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done")
    assert nova.out("logs", "job") == "".join(f"line {i}\n" for i in range(1, 6))
    assert nova.out("logs", "job", "--tail", "2") == "line 4\nline 5\n"
    stamped = nova.out("logs", "job", "--timestamps").splitlines()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line \d", line) for line in stamped), stamped
    assert nova.out("logs", "job", "--since", "2001-01-01T00:00:00Z").count("\n") == 5
    assert nova.out("logs", "job", "--since", "2099-01-01T00:00:00Z") == ""
    done = nova.run("logs", "job", "--since", "yesterday", check=False)
    assert done.returncode != 0 and "yesterday" in done.stderr, (done.returncode, done.stderr)


def test_logs_follow_ends_with_the_capsule(nova):
    lab(nova)
    nova.run("run", "container", "job", "--image", "web", "--detach", "--", "sh", "-c",
             "trap exit TERM; i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done")
    follower = nova.start("logs", "job", "--follow")
    eventually("it has written some lines", lambda: "line 5" in nova.out("logs", "job"))
    nova.run("stop", "job")
    told, problem = follower.communicate(timeout=120)
    assert follower.returncode == 0, problem
    lines = told.splitlines()
    assert lines[:3] == ["line 1", "line 2", "line 3"] and lines == [f"line {i}" for i in range(1, len(lines) + 1)], told


def test_stop_start_restart_and_rm(nova):
    lab(nova, TOOLS)
    first = nova.pid_of("container", "tools")
    assert "stopped" in nova.out("stop", "container", "tools")
    assert phase(nova, "tools") == "Stopped" and not alive(first)
    assert "started" in nova.out("start", "tools")
    second = nova.pid_of("container", "tools")
    assert second != first and alive(second)
    assert nova.run("start", "tools").returncode == 0
    assert nova.pid_of("container", "tools") == second, "start leaves alone what runs"
    assert "restarted" in nova.out("restart", "tools")
    third = nova.pid_of("container", "tools")
    assert third != second and alive(third) and not alive(second)
    assert "removed" in nova.out("rm", "tools")
    assert "tools" not in nova.items("container") and not alive(third)
    for verb in ("stop", "start", "restart", "rm"):
        assert nova.run(verb, "container", "tools", check=False).returncode == 2, verb


def test_stop_asks_with_the_signal_that_the_image_names(nova):
    lab(nova, '[container.web]\ncapsule = "web"\n')  # Its httpd is the first process there and hears no SIGTERM; SIGKILL is its wish.
    nova.run("stop", "container", "web")
    assert phase(nova, "web") == "Stopped" and "did not end within" not in nova.out("events"), "its grace was over"


def test_a_crash_is_started_again_and_told(nova):
    crasher = '[container.crasher]\ncapsule = "web"\ncommand = ["/bin/sh", "-c", "echo I ran; exit 3"]\nargs = []\n'

    def told_as_failed():
        # Not waiting for what crashes again and again: that would take longer than it is given here. On a busy machine a first one may
        # call it up, as the program takes its time to crash.
        up = lab(nova, crasher, check=False, timeout=100)
        assert up.returncode == 1 and "failed Pod crasher: it ended with exit code 3" in up.stdout, (up.stdout, up.stderr)
        return True
    eventually("up calls it failed", told_as_failed)
    eventually("it came back twice", lambda: container_status(nova, "crasher")["restartCount"] >= 2, seconds=120)
    told = eventually("its wait is told", lambda: re.search("CrashLoopBackOff.*", nova.out("status", "container", "crasher")), seconds=120)
    assert "3" in told[0] and "started again" in told[0], told[0]
    assert nova.out("logs", "crasher").count("I ran") >= 2
    nova.run("stop", "crasher")
    assert phase(nova, "crasher") == "Stopped"


def test_a_capsule_that_is_killed_comes_back_and_one_that_shall_not_does_not(nova):
    lab(nova, TOOLS + TOOLS.replace("container.tools", "container.once") + 'restart = "never"\n')
    for name in ("tools", "once"):
        os.kill(nova.pid_of("container", name), 9)
    eventually("it is back", lambda: container_status(nova, "tools")["restartCount"] == 1 and phase(nova, "tools") == "Running")
    told = eventually("the other's end is told", lambda: phase(nova, "once") == "Failed" and nova.out("status", "container", "once"))
    assert "signal 9" in told, told


def test_a_named_volume_survives_and_a_bind_mount_keeps_read_only(nova):
    volumes = 'volumes = ["keep:/keep", "./site:/www:ro"]\n'
    lab(nova, TOOLS + volumes)
    nova.run("exec", "tools", "--", "sh", "-c", "echo kept > /keep/file; echo lost > /lost")
    done = nova.run("exec", "tools", "--", "sh", "-c", "echo no > /www/index.html", check=False)
    assert done.returncode != 0 and "Read-only" in done.stderr, done.stderr
    assert nova.out("exec", "tools", "--", "cat", "/www/index.html") == "First light\n"
    nova.run("rm", "tools")
    nova.run("up")
    assert nova.out("exec", "tools", "--", "cat", "/keep/file") == "kept\n"
    assert nova.run("exec", "tools", "--", "cat", "/lost", check=False).returncode != 0
    nova.run("down")
    nova.run("up")
    assert nova.out("exec", "tools", "--", "cat", "/keep/file") == "kept\n", "down leaves named volumes"


def test_the_memory_limit_is_enforced_and_told(nova):
    lab(nova)
    done = nova.run("run", "container", "hog", "--image", "web", "--memory", "16Mi", "--", "sh", "-c",
                    "x=0123456789abcdef; while true; do x=$x$x; done", check=False)
    assert done.returncode == 137, (done.returncode, done.stdout, done.stderr)
    told = nova.out("status", "container", "hog")
    assert "OOMKilled" in told or "memory" in told, told


def test_a_published_port_answers_on_loopback_and_on_the_bridge(nova):
    lab(nova, '[container.web]\ncapsule = "web"\nnetwork = "lab"\nvolumes = ["./site:/www:ro"]\nports = ["8080:80"]\n')

    def page(address):
        with urllib.request.urlopen(f"http://{address}/", timeout=10) as answer:
            return answer.read().decode()
    address = nova.object("container", "web")["status"]["podIP"]
    for place in (f"{address}:80", "10.88.0.1:8080", "127.0.0.1:8080"):
        assert eventually(f"{place} answers", lambda where=place: page(where)) == "First light\n", place


def test_two_capsules_resolve_each_other_by_name(nova):
    lab(nova, TOOLS + TOOLS.replace("container.tools", "container.other"))
    for one, other in (("tools", "other"), ("other", "tools")):
        address = nova.object("container", other)["status"]["podIP"]
        eventually(f"{one} resolves {other}", lambda a=one, b=other, c=address: c in nova.out("exec", a, "--", "nslookup", b))
        nova.run("exec", one, "--", "ping", "-c", "1", "-W", "5", other)


run(globals())
