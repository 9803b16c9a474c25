"""podman, docker and containerd with nb as their runtime: the real programs of Debian, with a real image from a real registry.

What podman and docker have in common is one list of cases for both. Each case says what a user of theirs does and sees.
"""
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import traceback

from drop_in import IMAGE, NB, Client, cgroup_directories, debian_programs, leaves_no_mount, own_places, service
from harness import alive, below, catches, eventually, run

ENDS = "trap 'echo ended; exit 3' TERM; echo started; while true; do sleep 0.05; done"


def run_passes_output_and_exit_code_on(c):
    done = c.container("--rm", IMAGE, "bash", "-c", "cat /etc/debian_version; echo words >&2; exit 7", check=False)
    assert done.returncode == 7 and done.stdout.startswith("12.") and "words" in done.stderr, done
    assert c.container("--rm", IMAGE, "bash", "-c", "kill -KILL $$", check=False).returncode in (0, 137)


def run_reads_standard_input(c):
    done = subprocess.run([*c.command, "run", "--rm", "--interactive", *c.options, IMAGE, "sha256sum"], input=b"some words\n", capture_output=True,
                          timeout=120, check=True, env=c.env)
    assert done.stdout.split()[0].decode() == hashlib.sha256(b"some words\n").hexdigest(), done


def rm_leaves_nothing(c):
    c.container("--rm", "--name", "gone", IMAGE, "true")
    eventually("it is gone", lambda: "gone" not in c.out("ps", "--all", "--format", "{{.Names}}").split())


def check_shell(terminal, name):
    """A shell in a terminal of that name does what is typed, and its exit code comes back."""
    with contextlib.closing(terminal):
        terminal.type("tty; echo sum $((40+2))\n")
        assert name in terminal.read_until("sum 42")
        terminal.type("exit 6\n")
        assert terminal.wait() == 6


def run_in_a_terminal(c):
    terminal = c.terminal("run", "--rm", "--interactive", "--tty", *c.options, IMAGE, "bash", "--norc")
    try:
        terminal.type("tty; echo sum $((40+2))\n")
        assert "/dev/pts/0" in terminal.read_until("sum 42")
        # The clients tell the size a moment after the start, and after a change.
        terminal.type("until [ \"$(stty size)\" = '24 80' ]; do sleep 0.05; done; echo first $((40+2))\n")
        terminal.read_until("first 42")
        terminal.resize(101, 33)
        os.kill(terminal.child.pid, signal.SIGWINCH)
        terminal.type("until [ \"$(stty size)\" = '33 101' ]; do sleep 0.05; done; echo second $((40+2))\n")
        terminal.read_until("second 42")
        terminal.type("exit 5\n")
        assert terminal.wait() == 5
    finally:
        terminal.close()


def the_runtime_is_ours(c):
    """The process in the container was made by nb: its parent of old is gone, but nb's own record of it is there."""
    name = c.up("ours")
    pid = c.inspect(name, ".State.Pid")
    identity = c.inspect(name, ".Id")
    records = subprocess.run(["find", "/run", c.nova.root, "-path", f"*{identity}/state.json"], capture_output=True, text=True, check=False).stdout.split()
    found = [json.loads(pathlib.Path(path).read_text()) for path in records]
    assert any(str(record.get("pid")) == pid and "startTicks" in record for record in found), (pid, records)


def exec_runs_beside(c):
    name = c.up("exec")
    assert c.out("exec", name, "bash", "-c", "ps -e -o comm=").split()[:1] == ["bash"]
    assert c.run("exec", name, "bash", "-c", "exit 9", check=False).returncode == 9
    assert c.out("exec", "--user", "1234:2345", name, "bash", "-c", "id -u; id -g") == "1234\n2345"
    assert c.out("exec", "--env", "WORD=a b", "--workdir", "/usr", name, "bash", "-c", 'echo "$WORD $PWD"') == "a b /usr"
    assert c.run("exec", name, "/no/such/program", check=False).returncode in (126, 127)
    c.run("exec", "--detach", name, "bash", "-c", "echo there >/tmp/detached")
    eventually("the detached one ran", lambda: c.out("exec", name, "cat", "/tmp/detached") == "there")


def exec_in_a_terminal(c):
    name = c.up("execterminal")
    check_shell(c.terminal("exec", "--interactive", "--tty", name, "bash", "--norc"), "/dev/pts/")


def logs_are_kept(c):
    name = c.up("logs", script="echo first; echo second >&2; exec sleep 1000")
    done = eventually("both lines", lambda: (lambda d: d if "first" in d.stdout and "second" in d.stderr else None)(c.run("logs", name)))
    assert "first" in done.stdout


def attach_to_a_terminal(c):
    c.container("--detach", "--tty", "--interactive", "--name", "attached", IMAGE, "bash", "--norc")
    terminal = c.terminal("attach", "attached")
    try:
        def answers():
            """What is typed before the client is there may be lost."""
            terminal.type("echo sum $((40+2))\n")
            return terminal.read_until("sum 42", 3)
        eventually("the shell answers", answers)
        terminal.type("exit 4\n")
        terminal.wait()
    finally:
        terminal.close()
    assert c.out("wait", "attached") == "4"


def stop_start_and_restart(c):
    name = c.up("power")
    eventually("it started", lambda: "started" in c.out("logs", name))
    pid = int(c.inspect(name, ".State.Pid"))
    c.run("stop", "--time", "20", name)
    assert not alive(pid) and c.inspect(name, ".State.ExitCode") == "3"
    c.run("start", name)
    first = int(c.inspect(name, ".State.Pid"))
    assert alive(first)
    eventually("it started again", lambda: c.out("logs", name).count("started") == 2)
    c.run("restart", "--time", "20", name)
    assert not alive(first) and alive(int(c.inspect(name, ".State.Pid")))


def stop_kills_what_does_not_listen(c):
    name = c.up("deaf", script="trap '' TERM; while true; do sleep 0.1; done")
    c.run("stop", "--time", "1", name)
    assert c.inspect(name, ".State.ExitCode") == "137"


def kill_sends_signals(c):
    name = c.up("signals", script="trap 'echo got usr1' USR1; echo ready; while true; do sleep 0.05; done")
    eventually("it is ready", lambda: "ready" in c.out("logs", name))
    c.run("kill", "--signal", "USR1", name)
    eventually("the signal came", lambda: "got usr1" in c.out("logs", name))
    c.run("kill", name)
    assert c.out("wait", name) == "137"


def pause_and_unpause(c):
    name = c.up("paused", script="while true; do echo x >>/tmp/count; sleep 0.02; done")

    def size():
        return os.stat(f"/proc/{c.inspect(name, '.State.Pid')}/root/tmp/count").st_size
    eventually("it counts", lambda: size() > 4)
    c.run("pause", name)
    assert c.inspect(name, ".State.Status") == "paused"
    before = size()
    time.sleep(0.3)
    assert size() == before
    c.run("unpause", name)
    eventually("it goes on", lambda: size() > before)


def stats_are_told(c):
    name = c.up("stats", "--memory", "64m", "--pids-limit", "50", script="while true; do :; done")
    # Until the client has seen it for a while it tells of nothing: "--", or "0B".
    told = re.compile(r"([\d.]+)[kKMGi]*B / \S+ \| [\d.]+% \| (\d+)")

    def stats():
        words = c.out("stats", "--no-stream", "--format", "{{.MemUsage}} | {{.CPUPerc}} | {{.PIDs}}", name)
        found = told.fullmatch(words)
        assert found and float(found[1]) > 0 and int(found[2]) >= 1, words
        return True
    eventually("stats", stats)


def limits_are_set(c):
    c.up("limits", "--memory", "64m", "--pids-limit", "33", "--cpus", "0.5", "--ulimit", "nofile=300:400", "--ulimit", "nproc=500:500")
    assert c.out("exec", "limits", "bash", "-c", "ulimit -Sn; ulimit -Hn; ulimit -u").split() == ["300", "400", "500"]
    tops = {path.parent.name: path for path in cgroup_directories(c.group)}
    identity = c.inspect("limits", ".Id")

    def limit(controller, name):
        # podman 4 has the container one group deeper than docker.
        return next(path for path in sorted(below(tops[controller])) if path.name == name and identity in str(path)).read_text().strip()
    assert limit("memory", "memory.limit_in_bytes") == str(64 << 20) and limit("pids", "pids.max") == "33"
    assert int(limit("cpu", "cpu.cfs_quota_us")) * 2 == int(limit("cpu", "cpu.cfs_period_us"))


def update_changes_limits(c):
    c.up("updated", "--memory", "64m")
    c.run("update", "--memory", "48m", "--memory-swap", "96m", "updated")
    identity = c.inspect("updated", ".Id")
    top = next(path for path in cgroup_directories(c.group) if path.parent.name == "memory")
    found = [path.read_text().strip() for path in below(top) if path.name == "memory.limit_in_bytes" and identity in str(path)]
    assert str(48 << 20) in found, found


def want_of_memory_is_told(c):
    done = c.container("--name", "hungry", "--memory", "16m", "--memory-swap", "16m", IMAGE, "bash", "-c", "x=$(head -c 100000000 /dev/zero | tr '\\0' x)",
                       check=False)
    assert done.returncode == 137, done
    if c.command[0] == "docker":  # podman's monitor does not tell it here, whatever the runtime: with version 1 it looks elsewhere.
        eventually("it is told", lambda: c.inspect("hungry", ".State.OOMKilled") == "true")


def a_read_only_root_and_volumes(c):
    volume = c.nova.root / "volume"
    volume.mkdir(exist_ok=True)
    (volume / "file").write_text("from outside\n")
    script = "cat /volume/file; (echo x >/file) 2>/dev/null || echo root; (echo x >/fixed/file) 2>/dev/null || echo fixed; echo in >/volume/new; echo x >/scratch/x"
    found = c.container("--rm", "--read-only", "--volume", f"{volume}:/volume", "--volume", f"{volume}:/fixed:ro", "--tmpfs", "/scratch", IMAGE,
                        "bash", "-c", script).stdout
    assert found.split() == ["from", "outside", "root", "fixed"], found
    assert (volume / "new").read_text() == "in\n"


def a_named_volume_stays(c):
    c.container("--rm", "--volume", "kept:/data", IMAGE, "bash", "-c", "echo kept >/data/file")
    assert c.container("--rm", "--volume", "kept:/data", IMAGE, "cat", "/data/file").stdout == "kept\n"


def users_and_capabilities(c):
    found = c.container("--rm", "--user", "1234:2345", IMAGE, "bash", "-c", "id -u; id -g; grep CapEff /proc/self/status").stdout.split()
    assert found == ["1234", "2345", "CapEff:", "0000000000000000"], found
    found = c.container("--rm", "--cap-drop", "all", "--cap-add", "chown", IMAGE, "grep", "CapEff", "/proc/self/status").stdout.split()
    assert found == ["CapEff:", "0000000000000001"], found


def security_options(c):
    found = c.container("--rm", "--security-opt", "no-new-privileges", IMAGE, "grep", "-e", "NoNewPrivs", "-e", "^Seccomp:", "/proc/self/status").stdout.split()
    assert found == ["NoNewPrivs:", "1", "Seccomp:", "2"], found
    found = c.container("--rm", "--security-opt", "seccomp=unconfined", IMAGE, "grep", "^Seccomp:", "/proc/self/status").stdout.split()
    assert found == ["Seccomp:", "0"], found


def host_name_and_sysctl(c):
    found = c.container("--rm", "--hostname", "visitor", "--sysctl", "kernel.msgmax=4097", IMAGE, "bash", "-c", "uname -n; cat /proc/sys/kernel/msgmax").stdout
    assert found.split() == ["visitor", "4097"], found


def devices_are_given(c):
    found = c.container("--rm", "--device", "/dev/full:/dev/own", IMAGE, "bash", "-c", "stat -c %t:%T /dev/own; (echo x >/dev/own) 2>&1 || true").stdout
    assert found.startswith("1:7") and "No space left" in found, found


def namespaces_are_shared(c):
    name = c.up("first")
    found = c.container("--rm", "--pid", f"container:{name}", "--ipc", "host", IMAGE, "ps", "-e", "-o", "comm=").stdout.split()
    assert "bash" in found and "ps" in found, found


def health_is_checked(c):
    c.container("--detach", "--name", "healthy", "--health-cmd", "cat /tmp/well", "--health-interval", c.interval, "--health-retries", "1", IMAGE,
                "bash", "-c", "touch /tmp/well; exec sleep 1000")
    check = ["healthcheck", "run", "healthy"] if c.interval == "disable" else None

    def status():
        if check:
            c.run(*check, check=False)
        return c.inspect("healthy", ".State.Health.Status")
    eventually("it is healthy", lambda: status() == "healthy")
    c.run("exec", "healthy", "rm", "/tmp/well")
    eventually("it is not any more", lambda: status() == "unhealthy")


def files_are_copied(c):
    c.up("copy")
    place = c.nova.root / "copied"
    place.write_text("some words\n")
    c.run("cp", place, "copy:/tmp/copied")
    assert c.out("exec", "copy", "cat", "/tmp/copied") == "some words"
    c.run("cp", "copy:/etc/debian_version", c.nova.root / "version")
    assert (c.nova.root / "version").read_text().startswith("12.")


def processes_are_listed(c):
    c.up("top")
    assert "bash" in c.out("top", "top")


def a_restart_policy_holds(c):
    c.container("--detach", "--name", "again", "--restart", "on-failure:2", IMAGE, "bash", "-c", "echo tried; exit 1")
    eventually("three tries", lambda: c.out("logs", "again").count("tried") == 3)


def what_can_not_start_is_told(c):
    done = c.container("--rm", IMAGE, "/no/such/program", check=False)
    assert done.returncode == 127 and "/no/such/program" in done.stderr, done
    done = c.container("--rm", IMAGE, "/etc", check=False)
    assert done.returncode == 126, done


COMMON = [run_passes_output_and_exit_code_on, run_reads_standard_input, rm_leaves_nothing, run_in_a_terminal, the_runtime_is_ours, exec_runs_beside,
          exec_in_a_terminal, logs_are_kept, attach_to_a_terminal, stop_start_and_restart, stop_kills_what_does_not_listen, kill_sends_signals,
          pause_and_unpause, stats_are_told, limits_are_set, update_changes_limits, want_of_memory_is_told, a_read_only_root_and_volumes,
          a_named_volume_stays, users_and_capabilities, security_options, host_name_and_sysctl, devices_are_given, namespaces_are_shared,
          health_is_checked, files_are_copied, processes_are_listed, a_restart_policy_holds, what_can_not_start_is_told]


def run_cases(client, cases):
    """All of them, whatever becomes of one; then what failed."""
    failed = []
    for case in cases:
        begun = time.monotonic()
        try:
            case(client)
            print(f"    ok      {case.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception:  # A case's top: whatever it was, the next one runs.
            failed.append(case.__name__)
            print(f"    FAILED  {case.__name__}\n{traceback.format_exc()}", flush=True)
        finally:
            client.clear()
    assert not failed, f"{len(failed)} of {len(cases)} failed: {' '.join(failed)}"


class Engine(Client):
    def clear(self):
        names = self.out("ps", "--all", "--quiet", check=False).split()
        if names:
            self.run("rm", "--force", *names, check=False)


def test_podman(nova):
    with own_places(nova) as group:
        root = nova.root / "podman"
        client = Engine(nova, ["podman", "--root", root / "root", "--runroot", root / "run", "--tmpdir", root / "tmp", "--runtime", NB,
                               "--cgroup-manager", "cgroupfs", "--events-backend", "file"], group=group)
        client.interval = "disable"  # podman has its checks started by systemd, or by `podman healthcheck run`.
        client.run("pull", "--quiet", "--tls-verify=false", IMAGE)
        try:
            run_cases(client, COMMON)
        finally:
            client.clear()
            leaves_no_mount(nova)


def test_docker(nova):
    programs = debian_programs("containerd", "docker.io")
    with own_places(nova) as group:
        root = nova.root / "docker"
        env = os.environ | {"PATH": f"{programs}/usr/bin:{programs}/usr/sbin:{os.environ['PATH']}", "DOCKER_HOST": f"unix://{root}/socket",
                            "DOCKER_CONFIG": f"{root}/config"}
        root.mkdir()
        daemon = ["dockerd", "--bridge=none", "--iptables=false", "--ip-forward=false", "--exec-root", root / "exec", "--data-root", root / "data",
                  "--pidfile", root / "pid", "--host", f"unix://{root}/socket", "--add-runtime", f"nb={NB}", "--default-runtime", "nb",
                  "--exec-opt", "native.cgroupdriver=cgroupfs"]
        with service(daemon, root / "log", env=env):
            client = Engine(nova, ["docker"], env=env, group=group)
            client.interval = "1s"
            eventually("dockerd answers", lambda: client.run("version", check=False).returncode == 0, seconds=120)
            client.run("pull", "--quiet", IMAGE)
            try:
                run_cases(client, COMMON)
            finally:
                client.clear()
        leaves_no_mount(nova)


class Ctr(Client):
    """containerd's own command line."""

    def __init__(self, nova, command, env, group):
        super().__init__(nova, command, env, group)
        self.options = ["--runc-binary", str(NB), "--runc-root", str(nova.root / "runc"), "--cgroup", f"/{group}/one"]

    def up(self, name, *words, script=ENDS):
        self.run("run", "--detach", *self.options, *words, IMAGE, name, "bash", "-c", script)
        return name

    def status(self, name):
        return next((line.split()[2] for line in self.out("task", "ls").splitlines() if line.split()[0] == name), "GONE")

    def pid(self, name):
        return next(int(line.split()[1]) for line in self.out("task", "ls").splitlines() if line.split()[0] == name)

    def clear(self):
        for name in self.out("container", "ls", "--quiet", check=False).split():
            self.run("task", "delete", "--force", name, check=False)
            self.run("container", "delete", name, check=False)


def said_whole(wanted, call):
    """ctr leaves when its process has ended, and may lose what it has not yet copied of the output, whatever the runtime. Nothing else
    may ever be missing or wrong: what `call` gives is this, or a beginning of it, which is tried again.
    """
    def said():
        found = call()
        assert wanted.startswith(found), (found, wanted)
        return found == wanted
    for _ in range(20):
        if said():
            return
    raise AssertionError(f"{wanted!r} is never said to its end")


def ctr_runs(c):
    def runs():
        done = c.run("run", "--rm", *c.options, IMAGE, "one", "bash", "-c", "cut -c 1-3 /etc/debian_version; exit 7", check=False)
        assert done.returncode == 7, done
        return done.stdout
    said_whole("12.\n", runs)
    assert "one" not in c.out("container", "ls")


def ctr_runs_in_a_terminal(c):
    check_shell(c.terminal("run", "--rm", "--tty", *c.options, IMAGE, "terminal", "bash", "--norc"), "/dev/pts/0")


def ctr_execs(c):
    c.up("exec")
    assert c.run("task", "exec", "--exec-id", "a", "exec", "bash", "-c", "ps -e -o comm=; exit 4", check=False).returncode == 4
    tries = itertools.count()
    said_whole("1234\n/usr\n", lambda: c.run("task", "exec", "--exec-id", f"b{next(tries)}", "--user", "1234", "--cwd", "/usr", "exec",
                                             "bash", "-c", "id -u; pwd").stdout)
    check_shell(c.terminal("task", "exec", "--exec-id", "c", "--tty", "exec", "bash", "--norc"), "/dev/pts/")


def ctr_kills_and_deletes(c):
    c.up("kill")
    pid = c.pid("kill")
    assert alive(pid) and c.status("kill") == "RUNNING"
    eventually("its trap is set", lambda: catches(pid, signal.SIGTERM))
    c.run("task", "kill", "--signal", "SIGTERM", "kill")
    eventually("it stopped", lambda: c.status("kill") == "STOPPED")
    done = c.run("task", "delete", "kill", check=False)
    assert "exit code 3" in done.stderr, done
    c.run("container", "delete", "kill")
    assert not alive(pid)


def ctr_starts_again(c):
    c.up("again", script="echo ran; exit 0")

    def starts_again():
        eventually("it stopped", lambda: c.status("again") in ("STOPPED", "GONE"))
        c.run("task", "delete", "again", check=False)
        return c.run("task", "start", "again").stdout
    said_whole("ran\n", starts_again)
    assert c.run("task", "delete", "again", check=False).returncode == 0 or c.status("again") == "GONE"


def ctr_pauses(c):
    c.up("pause")
    c.run("task", "pause", "pause")
    assert c.status("pause") == "PAUSED"
    c.run("task", "resume", "pause")
    assert c.status("pause") == "RUNNING"


def ctr_tells_metrics(c):
    c.up("metrics", "--memory-limit", str(64 << 20))
    told = json.loads(c.out("task", "metrics", "--format", "json", "metrics"))
    assert told["memory"]["usage"]["limit"] == 64 << 20 and told["cpu"]["usage"]["total"] > 0 and told["pids"]["current"] >= 1, told
    assert str(c.pid("metrics")) in c.out("task", "ps", "metrics")


def ctr_sets_what_is_asked_for(c):
    volume = c.nova.root / "ctr-volume"
    volume.mkdir(exist_ok=True)
    (volume / "file").write_text("from outside")
    said_whole("a b /usr\nfrom outside" + "refused\n", lambda: c.run("run", "--rm", "--read-only", "--env", "WORD=a b", "--cwd", "/usr", "--mount",
                  f"type=bind,src={volume},dst=/volume,options=rbind:ro", *c.options, IMAGE, "asked", "bash", "-c",
                  'echo "$WORD" $PWD; cat /volume/file; (echo x >/tmp/x) 2>/dev/null || echo refused').stdout)


def ctr_tells_what_can_not_start(c):
    done = c.run("run", "--rm", *c.options, IMAGE, "broken", "/no/such/program", check=False)
    assert done.returncode != 0 and "/no/such/program" in done.stderr, done


def test_containerd(nova):
    programs = debian_programs("containerd")
    with own_places(nova) as group:
        root = nova.root / "containerd"
        root.mkdir()
        (root / "config.toml").write_text(f'version = 2\nroot = "{root}/root"\nstate = "{root}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                                          f'[grpc]\naddress = "{root}/socket"\n')
        env = os.environ | {"PATH": f"{programs}/usr/bin:{os.environ['PATH']}"}
        with service(["containerd", "--config", root / "config.toml"], root / "log", env=env):
            client = Ctr(nova, ["ctr", "--address", root / "socket"], env, group)
            eventually("containerd answers", lambda: client.run("version", check=False).returncode == 0, seconds=120)
            client.run("image", "pull", "--plain-http", IMAGE)
            try:
                run_cases(client, [ctr_runs, ctr_runs_in_a_terminal, ctr_execs, ctr_kills_and_deletes, ctr_starts_again, ctr_pauses, ctr_tells_metrics,
                                   ctr_sets_what_is_asked_for, ctr_tells_what_can_not_start])
            finally:
                client.clear()
        leaves_no_mount(nova)


run(globals())
