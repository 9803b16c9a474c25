"""The keyspace's figures, out of keyspace_benchmark and keyspace_against_etcd.py, in the form of the others."""
import json
import pathlib
import shutil
import subprocess
import sys

import bench

PUTS = 200


def lines_of(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {done.returncode}: {done.stderr[-1000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def ahead_of_others():
    """Each put goes through several threads, and on a busy machine one would measure how long each waits for a processor. So ours
    and etcd both run before all others, where that is allowed."""
    if subprocess.run(["chrt", "-f", "1", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return ["chrt", "-f", "1"]
    return []


def measure(programs, build, directory, watchers):
    first = ahead_of_others()
    if shutil.which("etcd") is None or not (programs / "etcd_load").exists():
        for clients in (1, 64):
            for found in lines_of([*first, programs / "keyspace_benchmark", "puts", directory / f"puts-{clients}", clients, 3]):
                yield bench.Figure(f"durable puts, {clients} clients", round(found["value"]), "per s", note="no etcd to compare with")
    else:
        against = pathlib.Path(__file__).with_name("keyspace_against_etcd.py")
        for found in lines_of([*first, sys.executable, against, "--build", build, "--directory", directory]):
            # Here more is better: the ratio is ours over etcd's.
            yield bench.Figure(f"durable puts, {found['clients']} clients", found["ours_per_second"], "per s", peer="etcd",
                               peer_value=found["etcd_per_second"], ratio=found["value"], target="ahead", rounds=found["rounds"],
                               note=f"ratios {found['least']}..{found['most']}")
    for found in lines_of([*first, programs / "keyspace_benchmark", "watchers", directory / "watchers", watchers, PUTS]):
        if "p99" in found:
            yield bench.Figure(f"a put reaches {watchers} watchers, p99", round(found["p99"], 1), "ms", target="< 100 ms",
                               note=f"median {found['p50']:.1f} ms", rounds=PUTS)
        else:
            yield bench.Figure("memory per watcher", found["value"], "bytes", target="< 2048 bytes")
