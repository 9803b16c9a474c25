"""The conformance suite (tests/conformance) on a host with cgroup version 2 alone: in a guest with Debian's cloud kernel, driven by Debian's
own Python, of which the guest gets the modules that the suite imports. It has two processors, and a disk where the tests put their bundles:
on a tmpfs that kernel has no id-mapped mounts. CONFORMANCE_GROUPS names some groups or tests; without it all run.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

from guest import DISK_MODULES, Machine, boot, check_left, install, install_all, install_busybox, lines_of, pack, write_init, write_modules
from harness import BUILD, IMAGES, SOURCE, Failed, run

NB = BUILD / "src/apps/nb/nb"
PYTHON = pathlib.Path("/usr/bin/python3").resolve()
SUITE = SOURCE / "tests/conformance"
GROUPS = os.environ.get("CONFORMANCE_GROUPS", "").split()
LEAST = 480
# Where busybox has less than the tests ask for.
PROGRAMS = ("unshare", "nsenter", "mount", "umount", "ip", "setsid")

SUITE_IN_THE_GUEST = """
mount -t ext4 /dev/vda /tmp
cd /tests/conformance
CONFORMANCE_INSIDE=1 CONFORMANCE_PROBE=/tests/conformance/probe CONFORMANCE_TIMEOUT=180 $(cat /tests/python) -B run --runtime nb=/bin/nb --brief --jobs 2 $(cat /tests/groups) >/tmp/said 2>&1
code=$?
sed 's/^/guest: /' /tmp/said
echo "guest: ended with $code after $(cut -d' ' -f1 /proc/uptime) s"
"""


def modules_of_the_suite():
    """What Debian's Python loads for the suite, and what it loads only when something is said of an error."""
    script = ("import glob, json, os, sys; sys.path.insert(0, sys.argv[1])\n"
              "for path in glob.glob(sys.argv[1] + '/*.py'): __import__(os.path.basename(path)[:-3])\n"
              "import argparse, encodings.ascii, encodings.idna, encodings.latin_1, encodings.utf_8, gettext, linecache, queue, tokenize, unicodedata\n"
              "print(json.dumps([module.__file__ for module in sys.modules.values() if getattr(module, '__file__', None)]))")
    done = subprocess.run([PYTHON, "-B", "-c", script, SUITE], capture_output=True, text=True, check=True)
    return [pathlib.Path(path) for path in json.loads(done.stdout) if path.startswith("/usr/lib/python3")]


def make_initramfs(nova):
    root = nova.root / "guest"
    install_busybox(root)
    (root / "tests/conformance").mkdir(parents=True)
    install_all(root, PROGRAMS)
    install(NB, root)
    for place in (PYTHON, *modules_of_the_suite()):
        target = root / str(place)[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        if place == PYTHON:
            install(PYTHON, root)
            (root / "bin" / PYTHON.name).rename(target)
        else:
            shutil.copy2(place, target)
    (root / "tests/groups").write_text(" ".join(f"--only {name}" for name in GROUPS))
    (root / "tests/python").write_text(str(PYTHON))
    (root / "bin/python3").symlink_to(PYTHON)
    for path in [*SUITE.glob("*.py"), SUITE / "run"]:
        shutil.copy2(path, root / "tests/conformance" / path.name)
    subprocess.run(["gcc", "-O1", "-static", "-o", root / "tests/conformance/probe", SUITE / "probe.c"], check=True)
    write_modules(root / "lib/modules", (*DISK_MODULES, "loop", "overlay", "veth"))
    write_init(root, SUITE_IN_THE_GUEST)
    return pack(root, nova.root / "guest.initramfs")


def make_disk(nova):
    disk = nova.root / "disk"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", disk, "256M"], check=True)
    return disk


def test_nb_conforms_with_version_2(nova):
    console = boot(Machine(IMAGES / "vmlinuz", make_initramfs(nova), disk=make_disk(nova), processors=2, seconds=1700))
    lines = lines_of(console)
    ended = [line for line in lines if line.startswith("ended with ")]
    if not ended or not ended[0].startswith("ended with 0 "):
        raise Failed(f"the suite fails in the guest; its console ends with:\n{console[-6000:]}")
    passed = [int(count) for line in lines for count in re.findall(r"^nb: (\d+) passed, 0 failed", line)]
    assert passed and passed[-1] >= (len(GROUPS) or LEAST), lines[-5:]  # Not a suite that found nothing to do.
    check_left(lines)


run(globals())
