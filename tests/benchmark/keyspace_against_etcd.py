#!/usr/bin/env python3
"""Durable puts per second: our keyspace beside Debian's etcd (package etcd-server), both on the same disk, in turns.

usage: keyspace_against_etcd.py [--build build/release] [--directory DIR] [--rounds 5] [--seconds 3]

Each round measures ours and etcd's one after the other, within the same minute, so that whatever else the machine does meets
both; the ratio is taken per round, and the median of the rounds is what counts. Values of 256 bytes, 10,000 keys, chosen at
random.

Ours is a library: its clients are threads of one process. etcd is a server, so its figure holds a trip over loopback, which is
part of what it is; its client (etcd_load) is one thread that sends prepared bytes over nghttp2, far leaner than a gRPC library.
The share of a processor it takes is printed: near 1.0 it would be the bottleneck. etcd gets the number of connections that suits
it best. Where the machine has other work, run both as `chrt -f 1 tests/benchmark/keyspace_against_etcd.py`: else it measures for
how long each waits for the processor.

Prints one JSON object per figure and line.
"""
import argparse
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

CONNECTIONS_TRIED = (1, 4, 16, 64)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Etcd:
    """A private etcd with the settings it has by default: it syncs each write."""

    def __init__(self, directory):
        self.port = free_port()
        peer = free_port()
        client = f"http://127.0.0.1:{self.port}"
        self.log = open(directory / "etcd.log", "wb")
        self.process = subprocess.Popen(
            ["etcd", "--data-dir", str(directory / "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
             "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--log-level", "error", "--logger", "zap"],
            stdout=self.log, stderr=self.log, env={**os.environ, "ETCD_UNSUPPORTED_ARCH": ""})
        self.wait_until_healthy(client)

    def wait_until_healthy(self, client):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(client + "/health", timeout=1) as answer:
                    if json.load(answer)["health"] == "true":
                        return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise SystemExit(f"etcd did not become healthy: see {self.log.name}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def run_json(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0])


class Benchmark:
    def __init__(self, programs, directory, seconds):
        self.programs = programs
        self.directory = directory
        self.seconds = seconds
        self.numbers = itertools.count()

    def fresh_directory(self):
        """Nothing is removed before the end: where the file system discards freed blocks, that slows down whoever comes next."""
        os.sync()
        directory = self.directory / str(next(self.numbers))
        directory.mkdir()
        return directory

    def ours(self, clients):
        command = [self.programs / "keyspace_benchmark", "puts", self.fresh_directory() / "ours", str(clients), str(self.seconds)]
        return run_json(command)["value"]

    def etcd(self, clients, connections, seconds=None):
        """A fresh etcd each time, as ours is fresh: neither carries history of the round before."""
        server = Etcd(self.fresh_directory())
        try:
            return run_json([self.programs / "etcd_load", str(server.port), str(connections), str(clients),
                             str(seconds or self.seconds)])
        finally:
            server.stop()

    def best_connections(self, clients):
        tried = [count for count in CONNECTIONS_TRIED if count <= clients]
        return max(tried, key=lambda count: self.etcd(clients, count, 1.5)["puts_per_second"]) if len(tried) > 1 else tried[0]

    def compare(self, clients, rounds):
        connections = self.best_connections(clients)
        ours, etcd, shares = [], [], []
        for turn in range(rounds):
            if turn % 2 == 0:  # Who comes first changes, so that neither always meets the other's left-overs.
                ours.append(self.ours(clients))
            figures = self.etcd(clients, connections)
            etcd.append(figures["puts_per_second"])
            shares.append(figures["client_processor_share"])
            if turn % 2 != 0:
                ours.append(self.ours(clients))
        ratios = [mine / theirs for mine, theirs in zip(ours, etcd)]
        print(json.dumps({
            "figure": "durable_puts_ours_over_etcd", "clients": clients, "value": round(statistics.median(ratios), 2),
            "least": round(min(ratios), 2), "most": round(max(ratios), 2), "ours_per_second": round(statistics.median(ours)),
            "etcd_per_second": round(statistics.median(etcd)), "etcd_connections": connections,
            "etcd_client_processor_share": round(statistics.median(shares), 2), "rounds": rounds}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release", type=pathlib.Path)
    parser.add_argument("--directory", type=pathlib.Path, help="on the disk that is measured; default: the temporary directory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 64])
    options = parser.parse_args()
    if shutil.which("etcd") is None:
        raise SystemExit("no etcd here: apt-get install etcd-server")
    with tempfile.TemporaryDirectory(prefix="nova-bench-", dir=options.directory) as directory:
        benchmark = Benchmark((options.build / "tests/benchmark").resolve(), pathlib.Path(directory), options.seconds)
        for clients in options.clients:
            benchmark.compare(clients, options.rounds)


if __name__ == "__main__":
    main()
