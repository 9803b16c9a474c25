"""A runtime under test: how it is called, and which version of the specification it says it knows."""
import dataclasses
import json
import pathlib
import re
import shutil
import subprocess


@dataclasses.dataclass
class Result:
    code: int
    out: str
    err: str

    def __str__(self):
        return f"exit {self.code}, out {self.out[-600:]!r}, err {self.err[-600:]!r}"


class Runtime:
    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.knows = self.newest_version()

    def newest_version(self):
        """As `features` says, or as `--version` does where there is no such command."""
        told = subprocess.run([self.path, "features"], capture_output=True, text=True, check=False)
        try:
            version = json.loads(told.stdout)["ociVersionMax"]
        except (ValueError, KeyError):
            told = subprocess.run([self.path, "--version"], capture_output=True, text=True, check=False)
            version = (re.search(r"^spec: (\S+)", told.stdout, re.MULTILINE) or [None, "1.0.0"])[1]
        return tuple(int(part) for part in re.findall(r"\d+", version)[:3])

    def is_older_than(self, version):
        return self.knows < tuple(int(part) for part in version.split("."))


def find_runtime(words):
    """"nb=/path/to/nb", or a name that is on the PATH; None where it is not there."""
    name, _, path = words.partition("=")
    found = shutil.which(path or name)
    return Runtime(name, pathlib.Path(found)) if found else None
