"""A container whose image is the attacker's, and what it takes to attack nb with it."""
import contextlib
import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

from bundle import EVERY_CAPABILITY, busybox, capability_sets, make_root, plain_config
from harness import BUILD, SOURCE, instance_of

NB = BUILD / "src/apps/nb/nb"
NUMBERS = itertools.count()


def mount_points(text):
    return {line.split()[4] for line in text.splitlines()}


class Victim:
    """A container of its own state directory, whose image is the attacker's."""

    def __init__(self, nova, nb=NB):
        self.number = next(NUMBERS)
        self.nb_path = nb
        self.state = nova.root / "nb"
        self.bundle = nova.root / f"bundle{self.number}"
        self.rootfs = self.bundle / "rootfs"
        self.id = f"attack-{instance_of(nova.root)}-{self.number}"  # Cgroups are the host's: others may run this test too.
        self.outside = nova.root / f"outside{self.number}"
        self.outside.mkdir()
        (self.outside / "secret").write_text("the host's")
        self.rootfs.mkdir(parents=True)
        make_root(self.rootfs, busybox())
        self.config = plain_config()
        self.config["process"]["capabilities"] = capability_sets(EVERY_CAPABILITY)
        self.config["linux"]["namespaces"].append({"type": "cgroup"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nb_path = NB  # A copy may have been overwritten by now.
        self.nb("delete", "--force", self.id)

    def replace(self, name, target):
        """A symbolic link in the image, where a directory or nothing was."""
        path = self.rootfs / name
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def without_mount(self, *destinations):
        self.config["mounts"] = [mount for mount in self.config["mounts"] if mount["destination"] not in destinations]

    def mount(self, destination, kind, source, *options):
        self.config["mounts"].append({"destination": destination, "type": kind, "source": str(source), "options": list(options)})

    def shell(self, script):
        self.config["process"]["args"] = ["sh", "-c", script]

    def watch(self):
        """Notes what is mounted in the container's mount namespace before it loses sight of the host."""
        out = self.bundle / "mounts"
        out.unlink(missing_ok=True)
        self.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat /proc/self/mountinfo >{out}"]}]}

    def escaped(self):
        """Mount points that are neither in the root nor the host's. The hook has run, or nothing was mounted at last."""
        out = self.bundle / "mounts"
        if not out.exists():
            return set()
        seen = mount_points(out.read_text())
        assert str(self.rootfs) in seen, f"the watch sees no root: {seen}"
        host = mount_points(pathlib.Path("/proc/self/mountinfo").read_text())
        return {point for point in seen - host if point != str(self.rootfs) and not point.startswith(f"{self.rootfs}/")}

    def check_untouched(self):
        assert not self.escaped(), f"mounted outside the root: {self.escaped()}"
        found = sorted(path.name for path in self.outside.iterdir())
        assert found == ["secret"], f"made outside the root: {found}"
        assert (self.outside / "secret").read_text() == "the host's"

    def command(self, *words):
        return [str(self.nb_path), "--root", str(self.state), *map(str, words)]

    def nb(self, *words, **options):
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60,
                              check=False, **options)
        assert "Sanitizer" not in done.stderr, done.stderr  # An nb that was built with them; a refusal would look the same.
        return done

    def write(self):
        (self.bundle / "config.json").write_text(json.dumps(self.config))

    def run(self, *words, **options):
        self.write()
        return self.nb("run", "--bundle", self.bundle, *words, self.id, **options)

    def start(self):
        """In the background, for exec."""
        self.write()
        for words in (("create", "--bundle", self.bundle, self.id), ("start", self.id)):
            # Into a file: a pipe would be held open by what stays.
            with open(self.bundle / "words", "w+", encoding="utf-8") as out:
                done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60, check=False)
                out.seek(0)
                assert done.returncode == 0, out.read()

    def pid(self):
        return json.loads(self.nb("state", self.id).stdout)["pid"]


def compiled(nova):
    program = nova.root / "attacker"
    if not program.exists():
        subprocess.run(["gcc", "-O1", "-static", "-o", program, SOURCE / "tests/system/attacker.c"], check=True)
    return program


def until_one_started(seconds, starts):
    """Tries for so long, and on until one container came up, which may take its time where a processor is to be had now and then only."""
    end = time.monotonic() + seconds
    while time.monotonic() < end or (starts() == 0 and time.monotonic() < end + 60):
        yield


@contextlib.contextmanager
def swapping(nova, one, other):
    child = subprocess.Popen([compiled(nova), "swap", one, other])
    try:
        yield
    finally:
        child.kill()
        child.wait()
