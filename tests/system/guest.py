"""Small machines for tests: a root of busybox in memory, Debian's cloud kernel, and QEMU without acceleration."""
import contextlib
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
    cache = IMAGES / "cache"
    subprocess.run([SOURCE / "tools/debian-kernel", cache], check=True, capture_output=True)
    target.mkdir(parents=True)
    for module in (cache / "root/lib/modules").rglob("*.ko*"):
        if module.name.split(".")[0] in names:
            unpack = {".xz": ["xz", "-dc"], ".zst": ["zstd", "-qdc"]}.get(module.suffix, ["cat"])
            (target / (module.name.split(".")[0] + ".ko")).write_bytes(subprocess.run([*unpack, module], check=True, capture_output=True).stdout)


def install(program, root):
    """A program with the libraries that it is linked with."""
    subprocess.run(["strip", "-o", root / "bin" / program.name, program], check=True)
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout  # Fails for one that needs none.
    for library in re.findall(r"(/\S+) \(0x", linked):
        place = root / library[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, place)


def pack(root, packed):
    """The tree as an initramfs."""
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with packed.open("wb") as out:
        subprocess.run(["cpio", "--quiet", "--create", "--format=newc", "--owner=0:0"], input=names.encode(), stdout=out, cwd=root, check=True)
    return packed


def boot(kernel: pathlib.Path, initramfs: pathlib.Path, disk: pathlib.Path | None = None, words: str = "", seconds: int = 400):
    """What the guest wrote on its console until it powered off. What it writes on the disk is thrown away. `words` go to its kernel."""
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "512", "-nographic", "-nic", "none", "-no-reboot", "-kernel", kernel,
               "-initrd", initramfs, "-append", f"console=ttyS0 quiet panic=-1 {words}"]
    if disk:
        command += ["-drive", f"file={disk},format=raw,if=virtio,snapshot=on"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed("the guest does not power off; its console:\n" + (late.stdout or b"").decode(errors="replace")[-6000:]) from late
    return done.stdout.decode(errors="replace").replace("\r", "") + done.stderr.decode(errors="replace")
