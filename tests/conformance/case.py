"""One run of one test against one runtime: a bundle of its own, the runtime's commands, and ways to look at what came of them."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import bundle as bundles
from facts import GROUPS, cgroup_version, controllers
from runtimes import Result
from suite import Failed, equal, expect

TIMEOUT_SECONDS = float(os.environ.get("CONFORMANCE_TIMEOUT", "60"))


class Case:
    def __init__(self, runtime, directory, group, probe):
        self.runtime = runtime
        self.directory = directory
        self.bundle = directory / "bundle"
        self.root = self.bundle / "rootfs"
        self.group = group  # The cgroup of this test, below which all its containers are.
        self.id = directory.name
        self.config = bundles.plain_config()
        self.config["linux"]["cgroupsPath"] = f"/{group}/{self.id}"
        self.ids = {self.id}
        self.children = []
        bundles.make_root(self.root, probe)

    # The runtime's commands. A created container keeps its streams, so they are files and not pipes.

    def call(self, *words, stdin=subprocess.DEVNULL, cwd=None, **options):
        """The runtime with these words; its streams are kept in files."""
        place = self.directory / f"call-{time.monotonic_ns()}"
        with open(f"{place}.out", "w+") as out, open(f"{place}.err", "w+") as err:
            child = subprocess.Popen([self.runtime.path, "--root", self.directory / "state", *map(str, words)], stdin=stdin, stdout=out, stderr=err,
                                     cwd=cwd or self.directory, **options)
            try:
                code = child.wait(TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise Failed(f"{self.runtime.name} {' '.join(map(str, words))}: not within {TIMEOUT_SECONDS:.0f} s") from None
        self.out, self.err = pathlib.Path(f"{place}.out"), pathlib.Path(f"{place}.err")
        return Result(code, self.out.read_text(errors="replace"), self.err.read_text(errors="replace"))

    def write(self):
        bundles.write_config(self.bundle, self.config)

    def create(self, name=None, check=True, write=True, extra=(), **options):
        if write:
            self.write()
        self.ids.add(name or self.id)
        done = self.call("create", "--bundle", self.bundle, *extra, name or self.id, **options)
        self.output = self.out  # What the container's program writes comes here too.
        expect(not check or done.code == 0, "create fails", done)
        return done

    def start(self, name=None, check=True):
        done = self.call("start", name or self.id)
        expect(not check or done.code == 0, "start fails", done)
        return done

    def kill(self, sent="KILL", name=None, check=True):
        done = self.call("kill", name or self.id, sent)
        expect(not check or done.code == 0, "kill fails", done)
        return done

    def delete(self, name=None, check=True, force=False):
        done = self.call("delete", *(["--force"] if force else []), name or self.id)
        expect(not check or done.code == 0, "delete fails", done)
        return done

    def state(self, name=None):
        done = self.call("state", name or self.id)
        expect(done.code == 0, "state fails", done)
        return json.loads(done.out)

    def known(self, name=None):
        return self.call("state", name or self.id).code == 0

    def status(self, name=None):
        return self.state(name)["status"]

    def run(self, *args, **options):
        """Runs the program of the config, or this one, to its end."""
        if args:
            self.program(*args)
        self.write()
        return self.call("run", "--bundle", self.bundle, self.id, **options)

    # What the tests are made of.

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    @property
    def resources(self):
        return self.config["linux"]["resources"]

    def program(self, *args):
        self.process["args"] = list(args)

    def inside(self, script, **options):
        """What a shell in a container writes that runs this script with success."""
        done = self.run("sh", "-c", script, **options)
        expect(done.code == 0, "the container's script fails", done)
        return done.out.strip()

    def up(self, script="exec sleep 1000"):
        """A started container; its process's id as seen from outside."""
        self.program("sh", "-c", script)
        self.create()
        self.start()
        return self.state()["pid"]

    def refuses(self, *needles, change_program=True):
        """Neither create nor start may do: the program did not run, and a create that fails leaves nothing."""
        if change_program:
            self.program("sh", "-c", "echo the program ran")
        created = self.create(check=False)
        if created.code != 0:
            expect(not self.known(), "create fails, but the container is there", created)
            self.leaves_no_group()
            done = created
        else:
            done = self.start(check=False)
            expect(done.code != 0, "neither create nor start fails")
        expect("the program ran" not in self.output.read_text(), "the program ran")
        for needle in needles:
            expect(needle in created.err + done.err, f"the error does not name {needle!r}", created.err + done.err)
        return done

    def eventually(self, what, check, seconds=30.0):
        deadline = time.monotonic() + max(seconds, TIMEOUT_SECONDS / 2)
        while not (found := check()):
            expect(time.monotonic() < deadline, what, "never")
            time.sleep(0.01)
        return found

    def wait_for(self, status, name=None):
        self.eventually(f"status {status}", lambda: self.status(name) == status)

    def mount(self, destination, kind, source, *options, **more):
        self.config["mounts"].append({"destination": destination, "type": kind, "source": str(source), "options": list(options)} | more)

    def bind(self, source, destination, *options, **more):
        self.mount(destination, "none", source, *(options or ("rbind",)), **more)

    def unshare(self, kind, path=None):
        """Adds a namespace, or sets the path of one."""
        self.linux["namespaces"] = [entry for entry in self.linux["namespaces"] if entry["type"] != kind]
        self.linux["namespaces"].append({"type": kind} | ({"path": str(path)} if path else {}))

    def share(self, kind):
        self.linux["namespaces"] = [entry for entry in self.linux["namespaces"] if entry["type"] != kind]

    def map_users(self, host=100000, size=65536):
        """A user namespace in which the root belongs to its first user."""
        self.unshare("user")
        for kind in ("uidMappings", "gidMappings"):
            self.linux[kind] = [{"containerID": 0, "hostID": host, "size": size}]
        for path, _, files in os.walk(self.root):
            for name in (path, *(os.path.join(path, file) for file in files)):
                os.chown(name, host, host, follow_symlinks=False)

    def child(self, *words, **options):
        """A helper process, ended with the test."""
        self.children.append(subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, **options))
        return self.children[-1]

    def script(self, name, text, place=None):
        """An executable shell script; the path that it has outside."""
        path = (place or self.directory) / name
        bundles.put_program(path, "#!/bin/sh\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin\n" + text + "\n")
        return path

    def hook(self, kind, text, **more):
        """A hook that is this script, outside or, for startContainer, in the root."""
        count = sum(len(hooks) for hooks in self.config.get("hooks", {}).values())
        inside = kind == "startContainer"
        path = self.script(f"hook-{count}", text, self.root / "bin" if inside else None)
        entry = {"path": f"/bin/{path.name}" if inside else str(path)} | more
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)

    def share_notes(self):
        """A directory with the same path inside and outside, for hooks to write to."""
        notes = self.directory / "notes"
        notes.mkdir()
        notes.chmod(0o777)
        self.bind(notes, str(notes))
        return notes

    def options_of(self, destination, found=None):
        """(mount options, propagation, superblock options) of the last mount at a place, as the container's mountinfo says."""
        lines = (found if found is not None else self.inside("cat /proc/self/mountinfo")).splitlines()
        for line in reversed(lines):
            left, _, right = line.partition(" - ")
            fields = left.split()
            if fields[4] == destination:
                return set(fields[5].split(",")), set(fields[6:]), set(right.split()[2].split(","))
        raise Failed(f"nothing is mounted at {destination}; mounts are:\n" + "\n".join(lines))

    def mounts_outside(self):
        """The mounts that the suite itself sees. What lies in the directories of other tests is not told: they mount, too, meanwhile."""
        place = str(self.directory.parent) + "/"
        lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in lines if not (at := line.split()[4] + "/").startswith(place) or at.startswith(f"{self.directory}/")]

    # Cgroups.

    def group_of(self, controller, path=None):
        """Where the container's group of a controller is, in the file system."""
        path = (path or self.linux["cgroupsPath"]).lstrip("/")
        return GROUPS / path if cgroup_version() == 2 else GROUPS / controller / path

    def groups(self, path=None):
        """All directories of the group that are there."""
        path = (path or self.linux["cgroupsPath"]).lstrip("/")
        tops = [GROUPS] if cgroup_version() == 2 else [GROUPS / name for name in sorted(controllers())]
        return [top / path for top in tops if (top / path).is_dir()]

    def leaves_no_group(self):
        expect(not self.groups(), "a cgroup is left", self.groups())

    def limit(self, controller, name):
        return (self.group_of(controller) / name).read_text().strip()

    def limits(self, version1, version2):
        """A limit of a running container, by the file's name in either version: (controller, file), value."""
        self.up()
        (place, value) = version2 if cgroup_version() == 2 else version1
        controller, name = place.split("/")
        equal(self.limit(controller, name), str(value), place)

    # The end.

    def shows_no_finding(self):
        """A runtime that was built with sanitizers tells what they found on its streams, also where a failure was expected of it."""
        for path in (*self.directory.glob("call-*.err"), *self.directory.glob("call-*.out")):
            words = path.read_text(errors="replace")
            expect("Sanitizer" not in words, "a sanitizer's finding", words[-6000:])

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()
        for name in self.ids:
            with contextlib.suppress(Exception):
                self.delete(name, check=False, force=True)
        self.end_what_is_left()
        for top in [GROUPS] if cgroup_version() == 2 else [GROUPS / name for name in controllers()]:
            for path, _, _ in os.walk(top / self.group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        for line in reversed(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()):
            if line.split()[4].startswith(str(self.directory) + "/"):
                subprocess.run(["umount", "-l", line.split()[4]], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def end_what_is_left(self):
        tops = [GROUPS] if cgroup_version() == 2 else [GROUPS / name for name in controllers()]
        for _ in range(20):
            left = set()
            for top in tops:
                for path, _, _ in os.walk(top / self.group):
                    with contextlib.suppress(OSError, ValueError):
                        left |= {int(pid) for pid in (pathlib.Path(path) / "cgroup.procs").read_text().split()}
            for pid in left - {0}:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                return
            time.sleep(0.02)
