"""Idle means idle: a Nova at rest writes nothing, computes nothing and hardly wakes."""
import contextlib
import hashlib
import os
import pathlib
import time

from harness import eventually, run, web_image
from survival import LAB, capsule

REST = 30  # Seconds.


def stat_ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def written(pid):
    """Bytes that it wrote into files, and calls of write: to anything."""
    counts = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(counts["write_bytes"]), int(counts["wchar"]), int(counts["syscw"])


def switches(pid):
    """How often its threads went to sleep: each is a wake-up."""
    total = 0
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError):  # A thread that ends meanwhile.
            total += next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("voluntary_ctxt"))
    return total


def files(root):
    """All that Nova keeps: path to size, time of change and content. The project is ours. What goes meanwhile is not there."""
    found = {}
    for top in ("state", "run"):
        for directory, _, names in os.walk(root / top):  # Passes over directories that are removed under it.
            for path in (pathlib.Path(directory) / name for name in names):
                if path.is_symlink() or any(part in str(path) for part in ("/images/layers/", "/netns/", "/root/rootfs/")):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    if path.is_file():
                        status = path.stat()
                        found[str(path)] = (status.st_size, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def test_at_rest(nova):
    web_image(nova)
    nova.novafile(LAB + capsule("quiet", "sleep 1000 & wait"))
    nova.run("up")
    pids = {"daemon": nova.daemon_pid(), "supervisor": nova.supervisor_pid()}

    def look():
        return {name: {"written": written(pid), "ticks": stat_ticks(pid), "switches": switches(pid)} for name, pid in pids.items()}

    def has_settled():
        """What `up` left to do is done: DHCP's files, the last answer."""
        before = look(), files(nova.root)
        time.sleep(3)
        return (look(), files(nova.root)) == before
    eventually("it comes to rest", has_settled)
    before, files_before = look(), files(nova.root)
    assert any("keyspace" in path for path in files_before)
    time.sleep(REST)
    after, files_after = look(), files(nova.root)

    changed = sorted(path for path in files_before.keys() | files_after.keys() if files_before.get(path) != files_after.get(path))
    assert not changed, f"files that changed at rest: {changed}"
    for name in pids:
        was, now = before[name], after[name]
        assert now["written"] == was["written"], f"the {name} wrote: {was} became {now}"
        assert now["ticks"] - was["ticks"] <= 1, f"the {name} computed: {was} became {now}"
        assert now["switches"] - was["switches"] <= 5, f"the {name} woke: {was} became {now}"
        print(f"  the {name} in {REST} s: {now['ticks'] - was['ticks']} ticks, {now['switches'] - was['switches']} wake-ups", flush=True)

    nova.run("stop", "container", "quiet")
    assert files(nova.root) != files_after and written(pids["daemon"]) != after["daemon"]["written"], "this test sees writes"


run(globals())
