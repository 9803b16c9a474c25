"""Other projects' programs with nb as their runtime, each with a root, a /run and cgroups of its own."""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time
import urllib.request

from harness import BUILD, IMAGES, SOURCE, Failed, Terminal, eventually

NB = BUILD / "src/apps/nb/nb"
REGISTRY = "127.0.0.1:5000"
IMAGE = f"{REGISTRY}/debian:12"


def own_run_directory():
    """Sockets and states in /run are ours: the mount namespace is, and with it goes what is mounted here."""
    libc = ctypes.CDLL(None, use_errno=True)
    for place in ("/run", "/etc/cni" if os.path.isdir("/etc/cni") else "/run"):
        if libc.mount(b"tmpfs", place.encode(), b"tmpfs", 0, b"mode=755") != 0:
            raise OSError(ctypes.get_errno(), f"mount a tmpfs on {place}")


def own_hierarchies(nova):
    """podman makes plain files where a hierarchy of version 1 is not mounted: in a tmpfs of ours, beside the hierarchies that are."""
    groups = pathlib.Path("/sys/fs/cgroup")
    if (groups / "cgroup.controllers").exists():
        return
    own = nova.root / "groups"
    own.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", own], check=True)
    for place in sorted(path for path in groups.iterdir() if path.is_mount()):
        (own / place.name).mkdir()
        subprocess.run(["mount", "--bind", place, own / place.name], check=True)
    subprocess.run(["mount", "--rbind", own, groups], check=True)
    subprocess.run(["umount", "--recursive", "--lazy", own], check=True)  # Mounted there now, and not in what is removed at the end.


def debian_programs(*packages):
    """Where the programs of these packages are. They are unpacked and not installed, as their services would start."""
    done = subprocess.run([SOURCE / "tools/debian-programs", IMAGES / "cache/programs", *packages], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"unpack them outside of the test first (tools/debian-programs {IMAGES}/cache/programs {' '.join(packages)}): {done.stderr}")
    return pathlib.Path(done.stdout.strip())


@contextlib.contextmanager
def registry(nova):
    """A registry on loopback that has the image of Debian's programs."""
    made = subprocess.run([SOURCE / "tools/debian-image", IMAGES], capture_output=True, text=True, check=False)
    if made.returncode != 0:  # In here is no network: it has to be there already.
        raise Failed(f"make the image outside of the test first (tools/debian-image {IMAGES}): {made.stderr}")
    config = nova.root / "registry.yml"
    config.write_text(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
                      f"storage: {{filesystem: {{rootdirectory: {nova.root}/registry}}}}\nhttp: {{addr: '{REGISTRY}'}}\n")
    with service(["docker-registry", "serve", config], nova.root / "registry.log"):
        eventually("the registry answers", lambda: urllib.request.urlopen(f"http://{REGISTRY}/v2/", timeout=10).status == 200)
        subprocess.run(["skopeo", "copy", "--quiet", "--retry-times", "5", "--dest-tls-verify=false", f"oci-archive:{IMAGES}/debian.tar", f"docker://{IMAGE}"],
                       check=True, capture_output=True)
        yield


@contextlib.contextmanager
def service(command, log, **options):
    with open(log, "w") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(60)
        child.kill()
        child.wait()


class Client:
    """A command that runs containers, as podman and docker do."""

    def __init__(self, nova, command, env=None, group="", options=()):
        self.nova, self.command, self.env = nova, [str(word) for word in command], env
        self.group = group  # The cgroup that its containers are put below.
        self.options = [*options, f"--cgroup-parent=/{group}", "--network=none"]

    def run(self, *words, check=True, timeout=120, **options):
        # podman's monitor leaves a file named oom where it was started, of a container that had too much memory.
        done = subprocess.run([*self.command, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False, env=self.env,
                              cwd=self.nova.root, stdin=options.pop("stdin", subprocess.DEVNULL), **options)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(map(str, words))}: exit {done.returncode}\nstdout: {done.stdout[-1500:]}\nstderr: {done.stderr[-1500:]}")
        return done

    def out(self, *words, **options):
        return self.run(*words, **options).stdout.strip()

    def container(self, *words, check=True, **options):
        """Runs the image's programs in a container."""
        return self.run("run", *self.options, *words, check=check, **options)

    def up(self, name, *words, script="trap 'echo ended; exit 3' TERM; echo started; while true; do sleep 0.05; done"):
        self.container("--detach", "--name", name, *words, IMAGE, "bash", "-c", script)
        return name

    def terminal(self, *words):
        return Terminal(self.nova, *map(str, words), command=["env", *[f"{key}={value}" for key, value in (self.env or {}).items()], *self.command])

    def inspect(self, name, what):
        return self.out("inspect", "--format", "{{" + what + "}}", name)


def cgroup_directories(group):
    for top in [pathlib.Path("/sys/fs/cgroup"), *pathlib.Path("/sys/fs/cgroup").iterdir()]:
        if (top / group).is_dir():
            yield top / group


def remove_cgroups(group):
    """An rmdir refuses what is in use; what is left is the clients' own parents of groups."""
    for _ in range(50):
        left = [path for top in cgroup_directories(group) for path, _, _ in os.walk(top, topdown=False)]
        for path in left:
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if not left:
            return
        time.sleep(0.1)


@contextlib.contextmanager
def own_places(nova):
    own_run_directory()
    own_hierarchies(nova)
    group = f"drop-in-{nova.root.name}"
    try:
        with registry(nova):
            yield group
    finally:
        remove_cgroups(group)


def leaves_no_mount(nova):
    left = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if f" {nova.root}/" in line]
    for path in reversed(left):
        subprocess.run(["umount", "-l", path], check=False, capture_output=True)
