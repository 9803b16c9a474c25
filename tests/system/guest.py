"""Small machines for tests: a root of busybox in memory, Debian's cloud kernel, and QEMU without acceleration.

The init that `write_init` writes goes to a root that can be left, mounts what systemd would, and does what the test says. Cases are
shell scripts: `write_cases` puts them into the guest, RUN_CASES runs them one after another there, and `run_cases` boots it and says
which of them failed. What a guest says begins with "guest: " on its console.
"""
import contextlib
import dataclasses
import pathlib
import re
import shutil
import subprocess

from harness import IMAGES, SOURCE, Failed


def install_busybox(root):
    busybox = shutil.which("busybox")
    for name in ("bin", "proc", "sys", "dev", "tmp", "www"):
        (root / name).mkdir(parents=True)
    shutil.copy2(busybox, root / "bin/busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        with contextlib.suppress(FileExistsError):
            (root / "bin" / applet).symlink_to("busybox")


def write_modules(target, names):
    """Modules of the kernel, and the order in which it takes them."""
    cache = IMAGES / "cache"
    subprocess.run([SOURCE / "tools/debian-kernel", cache], check=True, capture_output=True)
    target.mkdir(parents=True)
    for module in (cache / "root/lib/modules").rglob("*.ko*"):
        if module.name.split(".")[0] in names:
            unpack = {".xz": ["xz", "-dc"], ".zst": ["zstd", "-qdc"]}.get(module.suffix, ["cat"])
            (target / (module.name.split(".")[0] + ".ko")).write_bytes(subprocess.run([*unpack, module], check=True, capture_output=True).stdout)
    (target / "order").write_text("".join(f"{name}\n" for name in names if (target / f"{name}.ko").exists()))  # Others are in the kernel.


def install(program, root):
    """A program with the libraries that it is linked with."""
    subprocess.run(["strip", "-o", root / "bin" / program.name, program], check=True)
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout  # Fails for one that needs none.
    for library in re.findall(r"(/\S+) \(0x", linked):
        place = root / library[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, place)


def install_all(root, names):
    """Programs of the host in the place of busybox's own, of which some have less than is asked for."""
    for name in names:
        (root / "bin" / name).unlink(missing_ok=True)
        install(pathlib.Path(shutil.which(name)).resolve(), root)


# Runs what write_cases wrote. What CASES_HEAD defines may be defined anew before; a case sees $id, and what `settings` exports.
RUN_CASES = """
for id in $(cat $cases/order); do
    export id; settings
    if run_case $cases/$id >/tmp/log 2>&1 </dev/null; then
        echo "guest: ok $id $(cut -d' ' -f1 /proc/uptime)"
    else
        echo "guest: not ok $id"; sed 's/^/guest: # /' /tmp/log
        tell_more | sed 's/^/guest: # /'
    fi
    clean_up 2>/dev/null
done
"""
CASES_HEAD = """
cases=/cases
settings() { export bundle=/bundles/$id group=/sys/fs/cgroup/$id; }
run_case() { timeout -s KILL 300 sh -eux $1; }
tell_more() { :; }
clean_up() { nb --root /run/nb delete --force $id; }
"""
NB_OF_CASES = 'nb() { command nb --root /run/nb "$@"; }\n'
# What must not work. "! command" would never end a case: sh -e looks away there.
FAILS = 'fails() { if "$@"; then echo "this worked: $*"; exit 1; fi; }\n'


def write_cases(place, scripts, before=NB_OF_CASES):
    place.mkdir(parents=True)
    for name, script in scripts.items():
        (place / name).write_text(FAILS + before + script)
    (place / "order").write_text("\n".join(scripts) + "\n")


# The kernel's first root can't be left with pivot_root, as a container's process does: the guest goes to another.
INIT_HEAD = """#!/bin/sh
export PATH=/bin LC_ALL=C.UTF-8
if [ ! -e /moved ]; then
    mkdir /new; mount -t tmpfs -o mode=755,size=80% root /new
    for name in *; do [ $name = new ] || cp -a /$name /new; done
    mkdir -p /new/proc /new/sys /new/dev /new/tmp /new/run /new/etc; touch /new/moved
    exec switch_root /new /init
fi
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; dmesg -n 1
mkdir -p /dev/pts /dev/shm; mount -t devpts -o newinstance,ptmxmode=666 devpts /dev/pts; mount -t tmpfs shm /dev/shm
mount --make-rshared / # As systemd has it.
ip link set lo up
for module in $(cat /lib/modules/order); do insmod /lib/modules/$module.ko; done
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$controller >/sys/fs/cgroup/cgroup.subtree_control; done
echo # The firmware leaves its own words on this line.
"""
INIT_TAIL = """
echo "guest: left $(cd /sys/fs/cgroup; find . -mindepth 1 -type d | tr '\\n' ' ')"
poweroff -f
"""


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)


def write_init(root, own):
    """An init whose own part is this one: RUN_CASES, or something else."""
    write_program(root / "init", INIT_HEAD + CASES_HEAD + own + INIT_TAIL)


def pack(root, packed):
    """The tree as an initramfs."""
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with packed.open("wb") as out:
        subprocess.run(["cpio", "--quiet", "--create", "--format=newc", "--owner=0:0"], input=names.encode(), stdout=out, cwd=root, check=True)
    return packed


@dataclasses.dataclass
class Machine:
    kernel: pathlib.Path
    initramfs: pathlib.Path
    disk: pathlib.Path | None = None  # What is written on it is thrown away.
    words: str = ""  # For its kernel.
    processors: int = 1
    seconds: int = 1100  # After which it has to be off.

    def command(self):
        # Where QEMU has to wait for a processor, the kernel's count of ticks at its start fails, and it panics.
        yield from ("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", str(self.processors), "-m", "512", "-nographic", "-nic", "none",
                    "-no-reboot", "-kernel", self.kernel, "-initrd", self.initramfs, "-append", f"console=ttyS0 quiet panic=-1 no_timer_check {self.words}")
        if self.disk:
            yield from ("-drive", f"file={self.disk},format=raw,if=virtio,snapshot=on")


def boot(machine):
    """What the guest wrote on its console until it powered off."""
    try:
        done = subprocess.run([*machine.command()], stdin=subprocess.DEVNULL, capture_output=True, timeout=machine.seconds, check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed("the guest does not power off; its console:\n" + (late.stdout or b"").decode(errors="replace")[-6000:]) from late
    return done.stdout.decode(errors="replace").replace("\r", "") + done.stderr.decode(errors="replace")


# What a guest needs to see its disk, where init takes modules.
DISK_MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk")

# In the order in which the kernel takes them: criu looks at sockets, locks the network and keeps its rules.
CRIU_MODULES = ["libcrc32c", "nfnetlink", "nf_tables", "nf_defrag_ipv4", "nf_defrag_ipv6", "nf_conntrack", "nf_conntrack_netlink", "nft_ct",
                "inet_diag", "tcp_diag", "udp_diag", "unix_diag", "af_packet_diag", "netlink_diag", "veth", "tun"]


def lines_of(console):
    """What the guest said, shown too."""
    lines = re.findall(r"^guest: (.*)$", console, re.MULTILINE)
    for line in lines:
        print("    " + line)
    return lines


def check_left(lines, *allowed):
    """The cgroups that are there at the end."""
    left = next((line.split()[1:] for line in lines if line.startswith("left ")), None)
    if left is None or set(left) - set(allowed):
        raise Failed(f"the guest leaves {left}")


def run_cases(names, machine, allowed=()):
    """Boots the guest, whose cases all have to pass and to leave no cgroup but those allowed; what it said."""
    console = boot(machine)
    lines = lines_of(console)
    missing = sorted(set(names) - {line.split()[1] for line in lines if line.startswith("ok ")})
    if missing:
        raise Failed(f"{len(missing)} of {len(names)} cases did not pass: {' '.join(missing)}; the console:\n{console[-6000:]}")
    check_left(lines, *allowed)
    return lines
