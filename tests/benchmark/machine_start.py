"""Nova's own cost of a machine's start: until the guest's first console byte, beside the same QEMU command line run bare.

The guest is 1.5 KiB of real-mode code in the form of a Linux kernel, which writes one line to the serial port: under emulation a
real kernel takes a second to its first byte, and what is asked for are a few milliseconds.
"""
import contextlib
import datetime
import os
import pathlib
import select
import shutil
import struct
import subprocess
import time

import bench
import harness

SPACE = "/apis/nanocloud.io/v1/namespaces/default/virtualmachines"


def tiny_kernel():
    """Boot sector, one sector of setup code with the Linux boot protocol's header (2.00), and an empty kernel."""
    code = b"\xba\xf8\x03"  # mov dx, 0x3f8
    for byte in b"N\n":
        code += bytes([0xb0, byte, 0xee])  # mov al, byte; out dx, al
    code += b"\xf4\xeb\xfd"  # hlt; again
    image = bytearray(2048)
    image[0x1F1] = 1                                   # setup_sects
    image[0x1F4:0x1F8] = struct.pack("<I", 64)         # syssize, in 16 bytes
    image[0x1FE:0x200] = b"\x55\xaa"
    image[0x200:0x202] = b"\xeb\x3e"                   # jmp over the header, to 0x240
    image[0x202:0x206] = b"HdrS"
    image[0x206:0x208] = struct.pack("<H", 0x0200)
    image[0x211] = 1                                   # loaded high
    image[0x214:0x218] = struct.pack("<I", 0x100000)
    image[0x240:0x240 + len(code)] = code
    return bytes(image)


def bare(argv, directory):
    """Milliseconds from the start of QEMU to the first byte on its console, with FIFOs of our own."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in ("console.in", "console.out"):
        os.mkfifo(directory / name)
    ends = [os.open(directory / name, os.O_RDWR | os.O_NONBLOCK) for name in ("console.in", "console.out")]
    begun = time.perf_counter()
    process = subprocess.Popen(argv, cwd=directory, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not select.select([ends[1]], [], [], 30)[0]:
            raise RuntimeError("the bare QEMU wrote nothing to its console within 30 s")
        return (time.perf_counter() - begun) * 1000
    finally:
        process.kill()
        process.wait()
        for end in ends:
            os.close(end)


def first_log_time(path, since):
    """When the supervisor read the first line of this start: the log's own timestamp, in seconds."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(path).read_text().splitlines():
            stamp = line.split(" ", 1)[0]
            whole, _, fraction = stamp.rstrip("Z").partition(".")
            moment = datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (fraction or "0"))
            if moment >= since and " N" in line:
                return moment
    return None


def managed(nova, door):
    """Milliseconds from the request that the machine shall run to its first console byte; it is off again afterwards."""
    log = nova.root / "state/logs/vm.default.tiny.log"
    if not log.parent.exists():
        log = next(nova.root.rglob("logs")) / "vm.default.tiny.log"
    begun = time.time()
    bench.request(door, "PATCH", SPACE + "/tiny", {"spec": {"running": True}}, "application/merge-patch+json")
    moment = harness.eventually("the machine wrote to its console", lambda: first_log_time(log, begun), seconds=30, every=0.02)
    os.kill(nova.pid_of("vm", "tiny"), 0)
    bench.request(door, "PATCH", SPACE + "/tiny", {"spec": {"running": False}}, "application/merge-patch+json")
    harness.eventually("the machine is off", lambda: nova.object("vm", "tiny")["status"]["phase"] == "Stopped", seconds=30)
    return (moment - begun) * 1000


def argv_of(nova):
    """The very command line that Nova gives QEMU, from a machine that runs."""
    pid = harness.eventually("the machine runs", lambda: nova.pid_of("vm", "tiny"))
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


def measure(nova, directory, rounds):
    kernel = directory / "tiny-kernel"
    kernel.write_bytes(tiny_kernel())
    nova.run("ls")
    door = bench.UnixHttp(nova.root / "run/nova.sock")
    bench.request(door, "POST", SPACE, {
        "apiVersion": "nanocloud.io/v1", "kind": "VirtualMachine", "metadata": {"name": "tiny"},
        "spec": {"running": True, "cpu": 1, "memory": "64Mi", "kernel": str(kernel), "gracePeriodSeconds": 0}})
    try:
        argv = argv_of(nova)
        bench.request(door, "PATCH", SPACE + "/tiny", {"spec": {"running": False}}, "application/merge-patch+json")
        harness.eventually("the machine is off", lambda: nova.object("vm", "tiny")["status"]["phase"] == "Stopped", seconds=30)
        mine, peers = bench.paired(lambda: managed(nova, door), lambda: bare(argv, directory / "bare"), rounds)
    finally:
        nova.run("rm", "vm", "tiny", check=False)
    yield bench.figure("machine until its first console byte", mine, "ms", "the same QEMU, bare", peers)
    yield bench.figure("  of that Nova's own", [one - other for one, other in zip(mine, peers)], "ms", target="<= 10 ms")
