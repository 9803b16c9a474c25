"""What every system test stands on: a Nova of its own, under a root of its own, in namespaces of its own.

A test is a script: functions named test_* that take a Nova, and run(globals()) at its end. tests/system/run starts it as
the child of an init in new network, mount and pid namespaces, so nothing it starts or makes can outlive it or touch the host's
network. Only cgroups are the host's: Nova's own group is removed, and its absence is checked.
"""
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

BUILD = pathlib.Path(os.environ.get("NOVA_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build/release")).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
NOVA = BUILD / "src/apps/nova/nova"
IMAGES = SOURCE / "build/demo-images"


class Failed(AssertionError):
    pass


def eventually(what, check, seconds=60.0, every=0.05):
    """Waits until check() gives something true, and returns it. The last exception or value is told when it never does. Long: what
    comes costs no time, and on a busy machine any process may stand still for seconds."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = check()
            if last:
                return last
        except (AssertionError, subprocess.CalledProcessError, KeyError, IndexError, OSError) as failure:
            last = failure
        time.sleep(every)
    raise Failed(f"{what}: not within {seconds} s; last: {last!r}")


def instance_of(root):
    """The eight digits by which a Nova marks what is its own: FNV-1a of its state directory, as in places.cpp."""
    number = 0xcbf29ce484222325
    for byte in f"{root}/state".encode():
        number = ((number ^ byte) * 0x100000001b3) % 2**64
    return f"{number & 0xffffffff:08x}"


class Nova:
    """One Nova under one root."""

    instances = set()

    def __init__(self, root=None):
        self.root = pathlib.Path(root or tempfile.mkdtemp(prefix="nova-test-", dir="/tmp"))
        self.instances.add(instance_of(self.root))
        self.project = self.root / "project"
        self.project.mkdir(parents=True, exist_ok=True)

    def run(self, *words, check=True, timeout=120, text_input=None, cwd=None):
        done = subprocess.run([NOVA, "--root", self.root, *map(str, words)], cwd=cwd or self.project, capture_output=True, text=True,
                              timeout=timeout, input=text_input if text_input is not None else "", check=False)
        if check and done.returncode != 0:
            raise Failed(f"nova {' '.join(map(str, words))}: exit {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}\n{self.words()}")
        return done

    def out(self, *words, **options):
        return self.run(*words, **options).stdout

    def json(self, *words, **options):
        return json.loads(self.out(*words, "--output", "json", **options))

    def start(self, *words, **options):
        return subprocess.Popen([NOVA, "--root", self.root, *map(str, words)], cwd=self.project, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def novafile(self, text, name="NovaFile"):
        (self.project / name).write_text(text)
        return self

    def words(self):
        """The daemon's log, for a failure's report."""
        log = self.root / "run/nova.log"
        return "daemon's log:\n" + log.read_text()[-4000:] if log.exists() else ""

    def items(self, kind):
        return {item["metadata"]["name"]: item for item in self.json("ls", kind)["items"]}

    def object(self, kind, name):
        return self.items(kind)[name]

    def pid_of(self, kind, name):
        status = self.object(kind, name)["status"]
        return status["pid"] if kind == "vm" else status["containerStatuses"][0]["pid"]

    def daemon_pid(self):
        """Who listens on the socket."""
        import socket
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.root / "run/nova.sock"))
            return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def kill_daemon(self):
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        eventually("the daemon is dead", lambda: not alive(pid))

    def supervisor_pid(self):
        found = [pid for pid, words in processes() if "supervise" in words[:2] and any(str(self.root) in word for word in words)]
        if not found:
            raise Failed("no supervisor runs")
        return min(found)

    def told_by_up(self, *wanted, file="NovaFile", code=1):
        """What an `up` prints that fails, and that tells of these lines too: it does not wait for who is late beside a failure."""
        def said():
            done = self.run("up", "--file", file, check=False)
            if done.returncode != code:
                raise Failed(f"up ends with {done.returncode}, not {code}: {done.stdout}{done.stderr}")
            return done if all(f"{line}\n" in done.stdout for line in wanted) else None
        return eventually(f"up tells {wanted}", said)

    def close(self):
        for kind in ("containers", "vms", "networks", "images"):
            with contextlib.suppress(Exception):
                for name in self.items(kind):
                    self.run("rm", kind, name, "--timeout", "30", check=False, timeout=60)
        with contextlib.suppress(Exception):
            self.run("server", "stop", check=False, timeout=60)
        with contextlib.suppress(Failed):
            eventually("its processes are gone", lambda: not self.kill_all())
        shutil.rmtree(self.root, ignore_errors=True)

    def kill_all(self):
        """Ends whatever names its root, and returns those which were still there: the test after this one counts processes."""
        found = [pid for pid, words in processes() if pid != os.getpid() and any(str(self.root) in word for word in words)]
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return found


class Terminal:
    """A nova command, or this one, in a terminal of its own."""

    def __init__(self, nova, *words, columns=80, rows=24, command=None):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.child = subprocess.Popen([*(command or [NOVA, "--root", nova.root]), *words], cwd=nova.project, stdin=slave, stdout=slave, stderr=slave,
                                      start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave = slave  # Kept: what it is set to after the end is of interest.
        self.text = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read_until(self, words, seconds=60.0):
        """Reads on until what came since the last call holds the words; returns it."""
        text = ""
        deadline = time.monotonic() + seconds
        while words not in text:
            if time.monotonic() > deadline or not select.select([self.master], [], [], deadline - time.monotonic())[0]:
                raise Failed(f"the terminal shows no {words!r}; it shows {text!r} after {self.text!r}")
            text += os.read(self.master, 65536).decode(errors="replace")
        self.text += text
        return text

    def wait(self, seconds=60.0):
        return self.child.wait(seconds)

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.master)
        os.close(self.slave)


def typed(nova, command, answer, seconds=120.0):
    """Types a command at the console of the machine probe and waits for what it prints; leaves with Ctrl-]."""
    with contextlib.closing(Terminal(nova, "console", "probe")) as terminal:
        terminal.read_until("Ctrl-] leaves")
        terminal.type("\r")
        terminal.read_until("#", seconds)
        terminal.type(command + "\r")
        terminal.read_until(answer, seconds)
        terminal.type("\x1d")
        assert terminal.wait() == 0


def written_spec(nb, place, *options):
    """What `nb spec` writes, with the rights that engines give."""
    place.mkdir(exist_ok=True)
    (place / "config.json").unlink(missing_ok=True)
    subprocess.run([nb, "spec", "--bundle", place, *options], check=True)
    config = json.loads((place / "config.json").read_text())
    names = ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE",
             "SYS_CHROOT", "KILL", "AUDIT_WRITE")
    for rights in config["process"]["capabilities"].values():
        rights[:] = [f"CAP_{name}" for name in names]
    return config


def alive(pid):
    """Also while its other threads are about to end: until the last one has, its sockets take connections."""
    process = pathlib.Path(f"/proc/{pid}")
    try:
        ended = (process / "stat").read_text().rsplit(")", 1)[1].split()[0] in ("Z", "X")
        return not ended or len(list((process / "task").iterdir())) > 1
    except OSError:
        return False


def catches(pid, number):
    """Whether it has a handler for this signal."""
    caught = next(line.split()[1] for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt:"))
    return int(caught, 16) >> (number - 1) & 1 == 1


def processes():
    """(pid, argv) of everything in this pid namespace."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
                if words != [""] and alive(int(entry.name)):
                    yield int(entry.name), words


def cgroups():
    """The cgroups of this script's Novas, in all hierarchies, with those below them. Others may run beside us."""
    tops = [path for instance in Nova.instances for depth in ("", "*/") for path in pathlib.Path("/sys/fs/cgroup").glob(f"{depth}nova-{instance}")]
    return sorted(path for top in tops for path, _, _ in os.walk(top))  # os.walk passes over what goes away meanwhile.


def others():
    """What runs in this pid namespace beside the test and its init."""
    return [(pid, words) for pid, words in processes() if pid not in (1, os.getpid(), os.getppid())]


def below(top):
    """All paths below a directory; what goes away meanwhile is passed over, where rglob would stumble."""
    for directory, directories, files in os.walk(top):
        for name in (*directories, *files):
            yield pathlib.Path(directory) / name


def namespaces_of(pid):
    """None of one that ends meanwhile."""
    with contextlib.suppress(OSError):
        return [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "mnt", "pid", "uts", "ipc")]
    return []


def inventory():
    """The six things that a Nova which is gone leaves as they were."""
    def lines(*command):
        return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())
    return {
        "processes": sorted(" ".join(words) for _, words in others()),
        "mounts": sorted(line.split(" - ")[0].split(" ", 4)[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()),
        "cgroups": cgroups(),
        "namespaces": sorted({space for pid, _ in processes() for space in namespaces_of(pid)}),
        "links": [re.sub(r"^\d+: ", "", line) for line in lines("ip", "-o", "link")],
        "nftables": lines("nft", "list", "ruleset"),
    }


def inventory_at_rest(rest=2.0):
    """The same of a Nova that runs, once what its last command began has ended: a launcher, a helper, a rule that comes late."""
    def unchanged():
        before = inventory()
        time.sleep(rest)
        return before if inventory() == before else None
    return eventually("nothing changes any more", unchanged)


def web_image(nova):
    """Where the demo's capsule image is; the project gets a link to it and a page to serve."""
    images = nova.project / "images"
    if not images.exists():
        images.symlink_to(IMAGES)
    (nova.project / "site").mkdir(exist_ok=True)
    (nova.project / "site/index.html").write_text("First light\n")
    return images / "web.tar"


CAPSULE = """
project = "test"
[network.lab]
subnet = "10.88.0.1/24"
dhcp_range = "10.88.0.50-10.88.0.150"
[image.web]
source = "images/web.tar"
[container.web]
capsule = "web"
network = "lab"
volumes = ["./site:/www:ro"]
"""

MACHINE = """
[vm.probe]
cpu = 1
memory = "256Mi"
kernel = "images/vmlinuz"
initramfs = "images/probe.initramfs"
cmdline = "console=ttyS0 quiet"
network = "lab"
"""


def fresh_network():
    """A network namespace of its own for each test: what a failed one left does not fail the next."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare the network namespace")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def wait_for_the_last():
    """Nothing of a test, whoever its parent is, ends in the next one, which may count processes. Only where all processes are ours."""
    try:
        if os.getppid() == 1:
            eventually("it is alone", lambda: not others(), seconds=30.0)
    except Failed:
        print(f"  these still run: {others()}", flush=True)


def run(names):
    """Runs every test_* of a script, each with a Nova of its own; exits 1 where one failed."""
    failed = []
    chosen = sys.argv[1:]
    for name, test in list(names.items()):
        if not name.startswith("test_") or (chosen and name not in chosen):
            continue
        fresh_network()
        before = set(cgroups())
        nova = Nova()
        begun = time.monotonic()
        try:
            test(nova)
            print(f"ok      {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception:  # A test's top: whatever it was, the next one runs.
            failed.append(name)
            print(f"FAILED  {name}\n{traceback.format_exc()}\n{nova.words()}", flush=True)
        finally:
            nova.close()
            wait_for_the_last()
        for left in sorted(set(cgroups()) - before, key=len, reverse=True):
            print(f"left behind by {name}: {left}")
            with contextlib.suppress(OSError):
                os.rmdir(left)
            if name not in failed:
                failed.append(name)
    sys.exit(1 if failed else 0)
