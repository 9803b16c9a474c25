"""Kubernetes' container runtime interface, spoken with curl: gRPC is a POST of a length and a message over HTTP/2, and a message is
numbered fields. A field is given as {number: value}; a list is the field several times.
"""
import pathlib
import struct
import subprocess

from harness import Failed


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def encode(value):
    if isinstance(value, dict):
        return b"".join(field(number, each) for number, values in value.items() for each in (values if isinstance(values, list) else [values]))
    return value.encode() if isinstance(value, str) else value


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = encode(value)
    return varint(number << 3 | 2) + varint(len(content)) + content


def take_varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return number, at


def decode(data):
    """{number: the last value}; what has a length stays bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = take_varint(data, at)
        if key & 7 == 0:
            found[key >> 3], at = take_varint(data, at)
        elif key & 7 == 2:
            length, at = take_varint(data, at)
            found[key >> 3] = data[at:at + length]
            at += length
        else:
            raise Failed(f"field {key >> 3} has wire type {key & 7}")
    return found


class Cri:
    def __init__(self, socket, directory):
        self.socket, self.directory = socket, pathlib.Path(directory)

    def call(self, method, message, seconds=120):
        """("RuntimeService/Version", {...}) -> {...}"""
        request, heads = self.directory / "request", self.directory / "heads"
        body = encode(message)
        request.write_bytes(b"\0" + struct.pack(">I", len(body)) + body)
        done = subprocess.run(["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket", self.socket, "--max-time", str(seconds),
                               "--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", f"@{request}",
                               "--dump-header", heads, f"http://localhost/runtime.v1.{method}"], capture_output=True, check=False)
        said = dict(line.split(": ", 1) for line in heads.read_text().splitlines() if ": " in line) if heads.exists() else {}
        if done.returncode != 0 or said.get("grpc-status") != "0":
            raise Failed(f"{method}: {said.get('grpc-message', said)} {done.stderr.decode()}")
        return decode(done.stdout[5:])
