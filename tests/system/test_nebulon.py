"""Nebulon's commands of nb with a real image, a terminal, and several callers at once."""
import concurrent.futures
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

from harness import BUILD, IMAGES, alive, catches, eventually, run

NB = BUILD / "src/apps/nb/nb"


class Nebulon:
    """One directory of Nebulon, below a test's root."""

    def __init__(self, nova):
        self.root = nova.root / "nebulon"
        self.run("init")

    def run(self, *words, check=True):
        done = subprocess.run([NB, "--root", self.root, *map(str, words)], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
        return done

    def out(self, *words):
        return self.run(*words).stdout

    def detach(self, name, caller=0):
        """Its output is the container's too, which outlives it: no pipe that we would read to its end."""
        with (self.root / f"said-{caller}").open("w+") as said:
            code = subprocess.run([NB, "--root", self.root, "run", "--detach", name], cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=60, check=False).returncode
        return code, (self.root / f"said-{caller}").read_text()

    def metadata(self, name):
        return json.loads((self.root / "containers" / name / "metadata.json").read_text())

    def close(self):
        for name in self.run("ps", "--quiet", check=False).stdout.split():
            self.run("stop", "--time", "0", name, check=False)
            self.run("rm", name, check=False)


STAY = ("sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done")


def test_a_real_image_is_imported_run_and_removed(nova):
    with contextlib.closing(Nebulon(nova)) as nb:
        assert re.match(r"web:1\.0 sha256:[0-9a-f]{64}\n", nb.out("image", "import", IMAGES / "web.tar", "web", "1.0"))
        assert re.search(r"^web +1\.0 +sha256:", nb.out("image", "ls"), re.MULTILINE)
        nb.run("volume", "create", "keep", "--driver", "local")
        name = nb.out("create", "--rootfs", "web:1.0", "--hostname", "box", "--volume", "keep:/keep", "--memory", "64Mi", "--cpus", "0.5",
                      "sh", "-c", "hostname; ls /sys/class/net; echo kept > /keep/file; cat /etc/passwd | head -n 1").strip()
        told = nb.out("run", name)
        assert told.startswith("box\nlo\n") and "root:" in told, told
        assert (nb.root / "volumes/local/keep/data/file").read_text() == "kept\n"
        served = nb.out("create", "--rootfs", "web:1.0").strip()
        assert nb.metadata(served)["config"]["command"], "the image's own command"
        assert nb.detach(served) == (0, "")
        pid = nb.metadata(served)["pid"]
        assert nb.metadata(served)["status"] == "Running" and alive(pid)
        assert nb.run("image", "rm", "web", "1.0", check=False).returncode == 1
        nb.run("stop", "--time", "0", served)
        assert nb.metadata(served)["status"] == "Stopped" and not alive(pid)
        for one in (name, served):
            nb.run("rm", one)
        nb.run("image", "rm", "web", "1.0")
        nb.run("volume", "rm", "keep")
        left = [path for path in (nb.root / "images").rglob("*") if path.is_file() and path.stat().st_size > 0]
        assert not left, left


def test_a_container_has_our_terminal(nova):
    with contextlib.closing(Nebulon(nova)) as nb:
        nb.run("image", "import", IMAGES / "web.tar", "web", "1.0")
        name = nb.out("create", "--rootfs", "web:1.0", "sh", "-c", "tty; read word; echo \"<$word>\"; exit 3").strip()
        master, slave = pty.openpty()
        child = subprocess.Popen([NB, "--root", nb.root, "run", name], cwd="/", stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        shown = b""
        deadline = time.monotonic() + 60
        while b"<typed>" not in shown and time.monotonic() < deadline:
            if select.select([master], [], [], 1)[0]:
                shown += os.read(master, 4096)
            if b"/dev/" in shown and b"typed" not in shown:
                os.write(master, b"typed\r")
        assert b"/dev/pts/" in shown or b"/dev/console" in shown, shown
        assert b"<typed>" in shown, shown
        assert child.wait(60) == 3
        os.close(master)
        os.close(slave)


def test_of_two_runs_at_once_one_is_refused(nova):
    with contextlib.closing(Nebulon(nova)) as nb:
        nb.run("image", "import", IMAGES / "web.tar", "web", "1.0")
        name = nb.out("create", "--rootfs", "web:1.0", *STAY).strip()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            ends = sorted(pool.map(lambda one: nb.detach(name, one), range(2)))
        assert [code for code, _ in ends] == [0, 1], ends
        assert f"{name} runs already" in ends[1][1], ends
        eventually("it runs", lambda: f"{name}   Running" in nb.out("ps"))
        nb.run("stop", name)
        attached = subprocess.Popen([NB, "--root", nb.root, "run", name], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually("it runs again", lambda: nb.metadata(name)["status"] == "Running")
        assert "runs already" in nb.run("rm", name, check=False).stderr
        eventually("it hears SIGTERM", lambda: catches(nb.metadata(name)["pid"], signal.SIGTERM))
        nb.run("stop", name)
        assert attached.wait(60) in (0, 143)
        assert nb.metadata(name)["status"] == "Stopped"


run(globals())
