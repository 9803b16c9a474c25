"""nb beside crun, runc and a bare C program; and nb's supervisor. What is timed is in stopwatch.c.

All run the same bundle: `nb spec` with Debian's /bin/true, or with a program of 9 KB that ends at once, which leaves the
runtime's own time. crun of Debian 12 mounts no cgroups where version 2
lies beside version 1, so that mount is taken away in the benchmark's own namespace.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

import bench

ROUNDS_PER_ROUND = 4  # These are short: four times as many as asked for.
HUNDRED, THOUSAND = 100, 1000
PASSES = 5
CAPSULES = 200
PROTOCOL = 1  # As protocol_version of src/supervisor/protocol.h.
PEERS = (("crun", "/usr/bin/crun"), ("runc", "/usr/sbin/runc"))


def put_with_libraries(program, root):
    """What the dynamic linker loads for it comes along."""
    told = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in [program, *re.findall(r"(/\S+) \(0x", told)]:
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)


class Containers:
    """A directory in memory with a bundle, the roots of the runtimes and their containers; all is gone after."""

    def __init__(self, build, directory, rounds):
        self.programs = build / "tests/benchmark"
        self.directory = directory / "containers"
        self.rounds = rounds * ROUNDS_PER_ROUND
        self.runtimes = {"nb": build / "src/apps/nb/nb"} | {name: pathlib.Path(path) for name, path in PEERS if os.path.exists(path)}

    def __enter__(self):
        self.directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "containers", self.directory], check=True)
        if os.path.ismount("/sys/fs/cgroup/unified"):
            subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=True)
        self.bundle = self.make_bundle("bundle", ["/bin/nothing"])
        self.true_bundle = self.make_bundle("true", ["/bin/true"])
        return self

    def __exit__(self, *_):
        for name in self.runtimes:
            for state in self.directory.glob(f"{name}-root/*"):
                subprocess.run([*self.call(name), "delete", "--force", state.name], check=False, capture_output=True)
        subprocess.run(["umount", "-l", self.directory], check=False)
        with contextlib.suppress(OSError):
            self.directory.rmdir()

    def make_bundle(self, name, args, change=lambda config: None):
        bundle = self.directory / name
        for place in ("bin", "proc", "sys", "dev"):
            (bundle / "rootfs" / place).mkdir(parents=True)
        for program in ("nothing", "wait_for_ever"):
            shutil.copy2(self.programs / program, bundle / "rootfs/bin" / program)
        put_with_libraries("/bin/true", bundle / "rootfs")
        subprocess.run([self.runtimes["nb"], "spec", "--bundle", bundle], check=True)
        config = json.loads((bundle / "config.json").read_text())
        config["ociVersion"] = "1.0.2"  # What Debian's runc knows.
        config["process"] |= {"terminal": False, "args": args}
        change(config)
        (bundle / "config.json").write_text(json.dumps(config))
        return bundle

    def call(self, name):
        return [str(self.runtimes[name]), "--root", str(self.directory / f"{name}-root")]

    def id(self, name, number=""):
        return f"bench-{os.getpid()}-{name}{number}"

    def run(self, name, bundle=None):
        return [*self.call(name), "run", "--bundle", str(bundle or self.bundle), self.id(name)]

    def stopwatch(self, *words):
        with tempfile.TemporaryFile("w+") as said:  # Not a pipe: containers that stay would keep it open.
            done = subprocess.run([str(self.programs / "stopwatch"), *map(str, words)], cwd="/", stdin=subprocess.DEVNULL, check=False,
                                  stdout=subprocess.PIPE, stderr=said, text=True)
            said.seek(0)
            if done.returncode != 0:
                raise RuntimeError(said.read().strip()[-2000:])
        return [list(map(float, line.split())) for line in done.stdout.splitlines()]

    def pairs(self, *contestants):
        """For each contestant the rounds' times in ms, of clock and of processor, and its largest peak in KiB."""
        words = [word for one in contestants for word in ("--", *one)][1:]
        rounds = self.stopwatch("pairs", self.rounds, *words)
        results = []
        for who in range(len(contestants)):
            mine = [line[line_at:line_at + 3] for line in rounds for line_at in [4 * [line[at] for at in range(0, len(line), 4)].index(who) + 1]]
            results.append(([one[0] / 1000 for one in mine], [one[1] / 1000 for one in mine], [one[2] for one in mine]))
        return results

    def swarm(self, count, at_once, *words):
        return self.stopwatch("swarm", count, at_once, *words)


def median_ratio(ours, theirs):
    return statistics.median(other / mine for mine, other in zip(ours, theirs))


def beside(what, names, results, targets):
    """One figure for each peer: nb is the first of the results."""
    for name, result in list(zip(names, results))[1:]:
        processor = median_ratio(results[0][1], result[1])
        yield bench.figure(f"{what}, {name}", results[0][0], "ms", name, result[0], targets.get(name, ""),
                           note=f"of processor time {processor:.2f}x: {statistics.median(results[0][1]):.2f} to {statistics.median(result[1]):.2f} ms")


def start(containers):
    """nb run, beside every runtime and the bare program; and what memory it took."""
    names = [*containers.runtimes, "bare C"]

    def bare(bundle, program):
        return [str(containers.programs / "bare_container"), str(bundle / "rootfs"), program]
    bundle = containers.true_bundle
    results = containers.pairs(*(containers.run(name, bundle) for name in containers.runtimes), bare(bundle, "/bin/true"))
    yield from beside("nb run /bin/true", names, results, {"crun": ">= 2x", "runc": ">= 6.67x", "bare C": ">= 0.5x"})
    alone = containers.pairs(containers.run("nb"), bare(containers.bundle, "/bin/nothing"))
    yield from beside("nb run of the smallest program", ["nb", "bare C"], alone, {})
    peaks = {name: statistics.median(result[2]) for name, result in zip(names, results)}
    yield bench.Figure("nb run: peak of its processes", peaks["nb"], "KiB", target="< 1536 KiB",
                       note=", ".join(f"{name} {peak:g}" for name, peak in peaks.items() if name != "nb"))


def commands(containers):
    names = list(containers.runtimes)

    def three(name):
        call, one = containers.call(name), containers.id(name)
        return [*call, "create", "--bundle", containers.bundle, one, ",", *call, "start", one, ";", *call, "delete", one]
    yield from beside("create + start + delete", names, containers.pairs(*(three(name) for name in names)), {"crun": ">= 2x"})


def execs(containers):
    bundle = containers.make_bundle("waiting", ["/bin/wait_for_ever"])
    names = list(containers.runtimes)
    for name in names:
        subprocess.run([*containers.call(name), "run", "--detach", "--bundle", bundle, containers.id(name)], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        results = containers.pairs(*([*containers.call(name), "exec", containers.id(name), "/bin/nothing"] for name in names))
    finally:
        for name in names:
            subprocess.run([*containers.call(name), "delete", "--force", containers.id(name)], check=False, capture_output=True)
    yield from beside("nb exec", names, results, {"crun": ">= 2x"})


def small(containers):
    """Whether a container starts whose memory is limited to 512 KiB."""
    def limit(config):
        config["linux"]["resources"]["memory"] = {"limit": 512 << 10}
    bundle = containers.make_bundle("small", ["/bin/nothing"], limit)
    done = subprocess.run(containers.run("nb", bundle), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    yield bench.Figure("nb run with a limit of 512 KiB", "starts" if done.returncode == 0 else "fails", target="starts", note=done.stderr.strip())


def growth(first, last, column=0):
    """By how many hundredths the last runs of a swarm take longer than the first."""
    before, after = (statistics.median(line[column] for line in part) for part in (first, last))
    return 100 * (after / before - 1)


def thousand_once(containers, at_once):
    """All created, then all started, then all deleted. The bare program's swarms, when none and when all are there; and theirs."""
    call, one = containers.call("nb"), containers.id("nb", "-{}")
    bare = [containers.programs / "bare_container", containers.bundle / "rootfs", "/bin/nothing"]
    none = containers.swarm(HUNDRED, at_once, *bare)
    created = containers.swarm(THOUSAND, at_once, *call, "create", "--bundle", containers.waiting_bundle, one)
    all_there = containers.swarm(HUNDRED, at_once, *bare)
    started, deleted = (containers.swarm(THOUSAND, at_once, *call, *words, one) for words in (["start"], ["delete", "--force"]))
    return growth(none, all_there), {"create": created, "start": started, "delete": deleted}


def thousand(containers):
    """1,000 containers, several times over: on a machine of which others have a part, single hundreds are apart by more than what
    is looked for. The kernel itself takes longer the more processes and file systems there are: what the bare program tells."""
    containers.waiting_bundle = containers.make_bundle("many", ["/bin/nothing"])
    for at_once in (1, 8):
        passes = [thousand_once(containers, at_once) for _ in range(PASSES)]
        for what in ("create", "start", "delete"):
            swarms = [commands[what] for _, commands in passes]
            took = [line[0] / 1000 for lines in swarms for line in lines]
            clock, processor = (sorted(growth(lines[:HUNDRED], lines[-HUNDRED:], column) for lines in swarms) for column in (0, 1))
            beside_it = f"; the bare program {statistics.median(bare for bare, _ in passes):+.0f} %" if what == "create" else ""
            yield bench.Figure(f"{THOUSAND} x nb {what}, {at_once} at once", round(statistics.median(took), 2), "ms", round(min(took), 2),
                               round(max(took), 2), target="grows by < 10 %", rounds=PASSES * THOUSAND,
                               note=f"from the first hundred to the last, median of {PASSES}: {statistics.median(clock):+.0f} % "
                                    f"({clock[0]:+.0f} to {clock[-1]:+.0f} %), of processor time {statistics.median(processor):+.0f} %"
                                    f"{beside_it}; all in {statistics.median(lines[-1][2] for lines in swarms) / 1e6:.2f} s")


def resident_kib(pid):
    return int(bench.fields_of(f"/proc/{pid}/status")["VmRSS"].split()[0])


def ask(line, **request):
    line.send(json.dumps(request | {"version": PROTOCOL}).encode())
    answer = json.loads(line.recv(1 << 18))
    if "ok" not in answer:
        raise RuntimeError(f"supervisor: {request.get('call')}: {answer}")
    return answer["ok"]


def supervisor(containers):
    """The resident size with nothing to supervise, and what each program with its log open adds."""
    place = containers.directory / "supervisor"
    process = subprocess.Popen([str(containers.runtimes["nb"]), "supervise", "--directory", str(place)], cwd="/", stdin=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    line.connect(str(place / "supervisor.sock"))
                    break
                time.sleep(0.05)
            time.sleep(0.5)
            alone = resident_kib(process.pid)
            for number in range(CAPSULES):
                ask(line, call="start", spec={"id": f"one-{number}", "cwd": "/", "env": [], "stdio": "log", "console_fifo": "", "pid_file": "",
                                              "terminal_socket": "", "argv": [str(containers.bundle / "rootfs/bin/wait_for_ever")],
                                              "log": {"path": f"{place}/{number}.log", "rotate_at": 1 << 20, "keep_files": 2}})
            time.sleep(1)
            full = resident_kib(process.pid)
            for number in range(CAPSULES):
                ask(line, call="signal", id=f"one-{number}", signal=9)
        yield bench.Figure("supervisor, with nothing: resident", alone, "KiB", target="< 2048 KiB")
        yield bench.Figure(f"supervisor, per capsule of {CAPSULES}: resident", round((full - alone) / CAPSULES, 2), "KiB", target="<= 16 KiB")
    finally:
        process.kill()
        process.wait()


def measure(part, build, directory, rounds):
    if not (build / "tests/benchmark/stopwatch").exists():
        yield bench.skipped(part.__name__, f"{build}/tests/benchmark/stopwatch is not built")
        return
    with Containers(build, directory, rounds) as containers:
        yield from part(containers)
