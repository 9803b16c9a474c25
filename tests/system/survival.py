"""What the tests of survival share: a capsule that counts, and looks at what runs that ask the kernel and not Nova."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess

from harness import Failed, processes

LAB = """
project = "steady"
[network.lab]
subnet = "10.88.0.1/24"
dhcp_range = "10.88.0.50-10.88.0.150"
[image.web]
source = "images/web.tar"
"""

# Ends at once when asked to, as the first process of a pid namespace does only where it says so.
OBEDIENT = "trap 'exit 0' TERM; "


def capsule(name, script, network="lab", more=""):
    return f"""
[container.{name}]
capsule = "web"
network = "{network}"
command = ["sh", "-c", "{OBEDIENT}{script}"]
{more}
"""


# Each line in two halves, so that at most moments one half is written and no line of the log yet.
COUNTER = capsule("count", "count=0; while :; do echo -n 'line '; sleep 0.01; echo $count; count=$((count+1)); done")
COUNTING = "count=0; while"
STEADY_MACHINE = """
[vm.probe]
cpu = 1
memory = "192Mi"
kernel = "images/vmlinuz"
initramfs = "images/probe.initramfs"
cmdline = "console=ttyS0 quiet nova.fetch=http://count/"
network = "lab"
"""


def birth(pid):
    """(pid, when it began): a number alone may be another process's by now."""
    return pid, int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])


@contextlib.contextmanager
def held(pid):
    """Stops a process, so that it does not react to what happens meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def is_first_of_its_namespace(pid):
    numbers = re.search(r"^NSpid:\s+(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1).split()
    return len(numbers) > 1 and numbers[-1] == "1"


def capsules_with(script):
    """The capsules that run this, as the kernel tells: their births."""
    found = []
    for pid, words in processes():
        with contextlib.suppress(OSError):
            if words[:2] == ["sh", "-c"] and script in words[2] and is_first_of_its_namespace(pid):
                found.append(birth(pid))
    return found


def machines_of(nova):
    """The QEMU processes of this Nova: id to birth."""
    found = {}
    for pid, words in processes():
        if "qemu-system" in words[0] and any(str(nova.root) in word for word in words):
            with contextlib.suppress(OSError):
                found[words[words.index("-name") + 1].removeprefix("guest=")] = birth(pid)
    return found


def check_count(text, at_least=0):
    """The counting capsule's log: every line from 0 on, once and in order. Returns how many there are."""
    lines = text.splitlines()
    for expected, line in enumerate(lines):
        if line != f"line {expected}":
            raise Failed(f"line {expected} of {len(lines)} is {line!r}; around it: {lines[max(0, expected - 3):expected + 4]}")
    if len(lines) <= at_least:
        raise Failed(f"{len(lines)} lines, and there were {at_least} before")
    return len(lines)


def links():
    """Name to the line of `ip -o link`, without the number."""
    text = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return {re.split(r"[:@]", line.split(" ", 1)[1])[0].strip(): line for line in text.splitlines()}


def seed():
    """NOVA_TEST_SEED, to see a failure again; else a new one."""
    number = int(os.environ.get("NOVA_TEST_SEED", 0)) or int.from_bytes(os.urandom(4), "little")
    print(f"NOVA_TEST_SEED={number}", flush=True)
    return number
