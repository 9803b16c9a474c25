"""What the benchmarks share: paired runs of commands, and the figures that come of them."""
import dataclasses
import http.client
import json
import os
import pathlib
import socket
import statistics
import subprocess
import time


@dataclasses.dataclass
class Figure:
    """One line of the table. `ratio` is the median of the rounds' own ratios, peer over ours: above 1 we are ahead."""
    name: str
    value: object = None
    unit: str = ""
    least: object = None
    most: object = None
    peer: str = ""
    peer_value: object = None
    ratio: object = None
    target: str = ""
    rounds: int = 0
    note: str = ""

    def as_json(self):
        return json.dumps({key: value for key, value in dataclasses.asdict(self).items() if value not in (None, "", 0)})


def skipped(name, why):
    return Figure(name, note="not measured: " + why)


def milliseconds_of(argv, cwd=None):
    """How long the program takes from its start until it has been reaped; fails where it fails."""
    begun = time.perf_counter()
    done = subprocess.run([str(word) for word in argv], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    took = (time.perf_counter() - begun) * 1000
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return took


def paired(ours, theirs, rounds):
    """Both in turns, who comes first changing, so that whatever else the machine does meets both. Two rounds warm up first."""
    first, second = [], []
    for turn in range(-2, rounds):
        if turn % 2 == 0:
            mine, other = ours(), theirs()
        else:
            other, mine = theirs(), ours()
        if turn >= 0:
            first.append(mine)
            second.append(other)
    return first, second


def single(ours, rounds):
    for _ in range(2):
        ours()
    return [ours() for _ in range(rounds)]


def figure(name, values, unit, peer="", peer_values=(), target="", note=""):
    made = Figure(name, round(statistics.median(values), 2), unit, round(min(values), 2), round(max(values), 2), target=target,
                  rounds=len(values), note=note)
    if peer_values:
        made.peer = peer
        made.peer_value = round(statistics.median(peer_values), 2)
        made.ratio = round(statistics.median(other / mine for mine, other in zip(values, peer_values)), 2)
    return made


class UnixHttp(http.client.HTTPConnection):
    """Nova's first door: HTTP over its unix socket."""

    def __init__(self, path):
        super().__init__("nova")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def request(connection, method, path, body=None, kind="application/json"):
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text)


def fields_of(path, separator=":"):
    return dict((part.strip() for part in line.split(separator, 1)) for line in pathlib.Path(path).read_text().splitlines()
                if separator in line)


def resident_and_private_mib(pid):
    resident = int(fields_of(f"/proc/{pid}/status")["VmRSS"].split()[0])
    rollup = fields_of(f"/proc/{pid}/smaps_rollup")
    private = sum(int(rollup[field].split()[0]) for field in ("Private_Clean", "Private_Dirty"))
    return resident / 1024, private / 1024


def activity(pid):
    """Context switches of all threads, processor time in ticks, calls of write and bytes sent to the disk, up to now."""
    switches = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        status = fields_of(f"/proc/{pid}/task/{task}/status")
        switches += int(status["voluntary_ctxt_switches"]) + int(status["nonvoluntary_ctxt_switches"])
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    io = fields_of(f"/proc/{pid}/io")
    return {"wake-ups": switches, "processor ticks": int(stat[11]) + int(stat[12]), "calls of write": int(io["syscw"]),
            "bytes to disk": int(io["write_bytes"])}
