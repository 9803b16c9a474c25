"""Bundles for the tests: a root of busybox, made on the spot, and a plain config.json to which each test adds what it is about."""
import json
import os
import pathlib
import shutil
import subprocess

APPLETS = """awk basename cat chmod chown chrt cp cut date dd df dirname dmesg echo env expr false find free grep head hostname id ionice
ip kill ln ls mkdir mkfifo mknod mktemp more mount mountpoint mv nice nohup nproc od pidof ping printf ps pwd readlink renice rm rmdir
sed seq setsid sh sha256sum sleep sort stat stty sync tail taskset tee test time timeout touch tr true truncate tty ulimit umount
uname uniq unshare uptime usleep wc who whoami xargs yes""".split()

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
                "CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"]
EVERY_CAPABILITY = CAPABILITIES + ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_NICE", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]


def capability_sets(names):
    """The names in all sets but the ambient one."""
    return {kind: list(names) for kind in ("bounding", "effective", "permitted", "inheritable")} | {"ambient": []}


def plain_config():
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": ["true"],
            "env": [PATH, "TERM=xterm"],
            "cwd": "/",
            "capabilities": capability_sets(CAPABILITIES),
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": False},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
        },
    }


def busybox():
    found = shutil.which("busybox") or "/bin/busybox"
    if not os.path.exists(found):
        raise SystemExit("conformance: busybox is missing (package busybox-static)")
    return pathlib.Path(found)


def compile_probe(directory):
    """The small static program that asks the kernel what a shell can't; $CONFORMANCE_PROBE names one that is compiled already."""
    ready = os.environ.get("CONFORMANCE_PROBE")
    if ready:
        return pathlib.Path(ready)
    source = pathlib.Path(__file__).with_name("probe.c")
    target = directory / "probe"
    subprocess.run(["gcc", "-O1", "-static", "-Wall", "-Werror", "-o", target, source], check=True)
    return target


def put_program(path, text=None, source=None):
    """An executable file, a script or a copy. Another process writes it: a descriptor of our own, open for writing, would live on in
    whatever another thread forks meanwhile, until that becomes another program; till then the kernel says that the text is busy."""
    words = [busybox(), "cp", "--", source, path] if source else [busybox(), "tee", path]
    subprocess.run(words, input=text, text=True, stdout=subprocess.DEVNULL, check=True)
    path.chmod(0o755)


def make_root(root, probe):
    """Cheap: two copies and a link for each command."""
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "usr", "var"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for source, name in ((busybox(), "busybox"), (probe, "probe")):
        put_program(root / "bin" / name, source=source)
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")


def write_config(bundle, config):
    (bundle / "config.json").write_text(json.dumps(config))
