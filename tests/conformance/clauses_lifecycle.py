"""runtime.md and runtime-linux.md: the state, the operations, and what they may not do."""
import contextlib
import os
import pathlib
import signal

from suite import SHOULD, add, clause, equal, expect

STATE, LIFE, ERRORS = "runtime.md#state", "runtime.md#lifecycle", "runtime.md#errors"


@clause("runtime.md#scope-of-a-container")
def who_creates_a_container_can_use_every_operation_on_it(c):
    """Whoever created a container can query, start, kill and delete it."""
    c.up()
    equal(c.status(), "running")
    c.kill("KILL")
    c.wait_for("stopped")
    c.delete()


@clause(STATE)
def state_has_all_required_fields_with_their_types(c):
    """The state names ociVersion, id, status, pid and bundle, each with the type of the schema."""
    c.up()
    state = c.state()
    for field, kind in (("ociVersion", str), ("id", str), ("status", str), ("pid", int), ("bundle", str)):
        expect(isinstance(state.get(field), kind), field, state)
    equal(state["id"], c.id)
    expect(state["ociVersion"].count(".") >= 2, state["ociVersion"])


@clause(STATE)
def state_tells_the_bundle_by_its_absolute_path(c):
    """The bundle in the state is an absolute path, also where it was given as a relative one."""
    c.write()
    done = c.call("create", "--bundle", "bundle", c.id, cwd=c.directory)
    equal(done.code, 0, done)
    equal(c.state()["bundle"], str(c.bundle))


@clause(STATE)
def state_tells_the_annotations(c):
    """The state has the container's annotations."""
    c.config["annotations"] = {"org.example.key": "a value", "org.example.empty": ""}
    c.create()
    equal(c.state()["annotations"], c.config["annotations"])


@clause(STATE)
def state_tells_no_annotations_where_there_are_none(c):
    """Without annotations the state has none, or an empty map."""
    c.create()
    expect(not c.state().get("annotations"), c.state())


@clause(STATE)
def status_is_created_after_create(c):
    """After create, and until start, the status is created, and the pid that of a live process."""
    c.create()
    state = c.state()
    equal(state["status"], "created")
    expect(pathlib.Path(f"/proc/{state['pid']}").exists(), state)


@clause(STATE)
def status_is_running_after_start(c):
    """Once the program runs the status is running, and the pid that of the program."""
    pid = c.up("exec sleep 999")
    equal(c.status(), "running")
    # The program is a shell that becomes another one, which may still be to come.
    c.eventually("the pid is the program's", lambda: pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00999\x00")


@clause(STATE)
def status_is_stopped_after_the_program_ends(c):
    """Once the container's process has exited the status is stopped, and no pid of another process is told."""
    c.up("true")
    c.wait_for("stopped")
    expect(not c.state().get("pid"), c.state())


@clause(STATE)
def status_is_stopped_when_a_created_container_is_killed_from_outside(c):
    """A container whose process somebody else ended before start is stopped."""
    c.create()
    os.kill(c.state()["pid"], signal.SIGKILL)
    c.wait_for("stopped")


@clause(LIFE)
def create_does_not_run_the_program(c):
    """The program does not run at create: only start runs it."""
    c.program("sh", "-c", "echo ran >/ran")
    c.create()
    expect(not (c.root / "ran").exists(), "the program ran at create")
    c.start()
    c.eventually("the program runs after start", (c.root / "ran").exists)


@clause(LIFE)
def a_changed_config_does_not_affect_a_created_container(c):
    """Changes of config.json after create have no effect on the container."""
    c.program("sh", "-c", "echo before >/ran")
    c.config["annotations"] = {"when": "before"}
    c.create()
    c.program("sh", "-c", "echo after >/ran")
    c.config["annotations"] = {"when": "after"}
    c.write()
    c.start()
    c.wait_for("stopped")
    equal((c.root / "ran").read_text(), "before\n")
    equal(c.state()["annotations"], {"when": "before"})


@clause(LIFE)
def a_removed_config_does_not_hinder_start_and_delete(c):
    """Nor does it matter that config.json is gone after create."""
    c.create()
    (c.bundle / "config.json").unlink()
    c.start()
    c.wait_for("stopped")
    c.delete()


@clause(ERRORS)
def a_create_that_fails_leaves_nothing(c):
    """An operation that fails leaves everything as if it had never been tried: no container, cgroup or mount, and the id is free."""
    before = c.mounts_outside()
    mounts = list(c.config["mounts"])
    c.mount("/broken", "no-such-filesystem", "none")
    c.refuses()
    equal(c.mounts_outside(), before)
    c.config["mounts"] = mounts
    c.inside("true")


@clause("runtime.md#warnings")
def what_is_only_warned_of_goes_on(c):
    """After a warning the operation continues: an unknown capability does not hinder the container."""
    c.process["capabilities"]["bounding"].append("CAP_OF_NO_KERNEL")
    equal(c.inside("echo ran"), "ran")


def refuse_no_id_and_an_unknown_one(verb, *more, where=None, asking=None):
    """Two clauses that most operations share."""
    where, asking = f"runtime.md#{where or verb}", asking or (verb.capitalize(), verb.capitalize())
    add(f"{verb}_without_an_id_fails", f"{asking[0]} without an id is an error.", where,
        lambda c: expect(c.call(verb).code != 0), group="lifecycle")
    add(f"{verb}_of_an_unknown_container_fails", f"{asking[1]} of a container that does not exist is an error.", where,
        lambda c: expect(c.call(verb, "nobody", *more).code != 0), group="lifecycle")


refuse_no_id_and_an_unknown_one("state", where="query-state", asking=("Asking for a state", "Asking for the state"))


@clause("runtime.md#create")
def create_without_an_id_fails(c):
    """Create without an id is an error."""
    c.write()
    expect(c.call("create", "--bundle", c.bundle).code != 0)


@clause("runtime.md#create")
def create_without_a_bundle_fails(c):
    """Create with a bundle that is not there, or a directory that is none, is an error."""
    expect(c.call("create", "--bundle", c.directory / "nowhere", c.id).code != 0, "no directory")
    (c.directory / "empty").mkdir()
    expect(c.call("create", "--bundle", c.directory / "empty", c.id).code != 0, "no config.json")
    expect(not c.known())


@clause("runtime.md#create")
def create_of_an_id_in_use_fails_and_leaves_the_first_one_alone(c):
    """Ids are unique: a second create with the same id is an error, makes nothing, and changes nothing of the first container."""
    pid = c.up()
    expect(c.create(check=False).code != 0, "a second create of the id succeeds")
    state = c.state()
    equal((state["status"], state["pid"]), ("running", pid))
    expect(pathlib.Path(f"/proc/{pid}").exists(), "the first one ended")


@clause("runtime.md#create")
def create_of_an_invalid_id_fails(c):
    """An id that is not valid is an error, and nothing is made of it."""
    c.write()
    for name in ("a/b", "../escape", "..", ".", "", "a b", "a\nb"):
        done = c.call("create", "--bundle", c.bundle, name)
        expect(done.code != 0, f"the id {name!r} is taken")
        expect(not (c.directory / "escape").exists(), name)


@clause("runtime.md#create")
def two_containers_of_one_bundle_live_side_by_side(c):
    """Create makes a new container each time, also from the same bundle."""
    c.program("sleep", "1000")
    c.create("first")
    c.linux["cgroupsPath"] += "-2"
    c.create("second")
    expect(c.state("first")["pid"] != c.state("second")["pid"])
    c.start("second")
    equal((c.status("first"), c.status("second")), ("created", "running"))


@clause("runtime.md#create")
def a_property_that_cannot_be_applied_fails_create(c):
    """Where a property of config.json can't be applied, create is an error and makes no container."""
    c.linux["sysctl"] = {"kernel.no_such_key": "1"}
    c.refuses()


refuse_no_id_and_an_unknown_one("start")


@clause("runtime.md#start")
def start_of_a_running_container_fails_and_has_no_effect(c):
    """Start of a container that runs already is an error and has no effect on it."""
    pid = c.up("echo started >>/ran; exec sleep 1000")
    c.eventually("it ran", (c.root / "ran").exists)
    expect(c.start(check=False).code != 0)
    equal((c.status(), c.state()["pid"]), ("running", pid))
    equal((c.root / "ran").read_text(), "started\n")


@clause("runtime.md#start")
def start_of_a_stopped_container_fails_and_has_no_effect(c):
    """Start of a container that has stopped is an error, and its program does not run again."""
    c.up("echo started >>/ran")
    c.wait_for("stopped")
    expect(c.start(check=False).code != 0)
    equal((c.root / "ran").read_text(), "started\n")


@clause("runtime.md#start")
def start_without_a_process_fails(c):
    """Start is an error where config.json has no process."""
    del c.config["process"]
    if c.create(check=False).code == 0:
        expect(c.start(check=False).code != 0, "start succeeds without a process")


@clause("runtime.md#start")
def start_of_a_program_that_is_not_there_fails(c):
    """A program that can't be run is an error of create or start."""
    c.program("/bin/of-nobody")
    if c.create(check=False).code == 0:
        expect(c.start(check=False).code != 0, "start succeeds")


refuse_no_id_and_an_unknown_one("kill", "TERM")


@clause("runtime.md#kill")
def kill_of_a_stopped_container_fails(c):
    """Kill of a container that has stopped is an error."""
    c.up("true")
    c.wait_for("stopped")
    expect(c.kill("KILL", check=False).code != 0)
    equal(c.status(), "stopped")


@clause("runtime.md#kill")
def kill_sends_the_signal_that_is_named(c):
    """Kill sends the given signal to the container's process, by name with or without SIG, or by number."""
    c.up("for name in TERM USR1 USR2 HUP; do trap \"echo $name >>/got\" $name; done; echo >/ready; while true; do sleep 0.02; done")
    c.eventually("the handlers are set", (c.root / "ready").exists)
    got = c.root / "got"
    for number, sent in enumerate(("TERM", "SIGUSR1", "12", "SIGHUP")):
        c.kill(sent)
        c.eventually(f"signal {sent} arrives", lambda seen=number: got.exists() and len(got.read_text().split()) > seen)
    equal(got.read_text().split(), ["TERM", "USR1", "USR2", "HUP"])
    equal(c.status(), "running")


@clause("runtime.md#kill")
def kill_of_a_created_container_ends_it(c):
    """Kill may be used on a container that is created and not started."""
    c.create()
    c.kill("KILL")
    c.wait_for("stopped")
    c.delete()


@clause("runtime.md#kill")
def kill_with_an_unknown_signal_fails_and_has_no_effect(c):
    """A signal that does not exist is an error, and nothing is sent."""
    c.up()
    expect(c.kill("SIGNOTHING", check=False).code != 0)
    equal(c.status(), "running")


refuse_no_id_and_an_unknown_one("delete")


@clause("runtime.md#delete")
def delete_of_a_running_container_fails_and_has_no_effect(c):
    """Delete of a container that runs is an error and has no effect on it."""
    pid = c.up()
    expect(c.delete(check=False).code != 0)
    equal((c.status(), c.state()["pid"]), ("running", pid))


@clause("runtime.md#delete")
def delete_of_a_created_container_fails_and_has_no_effect(c):
    """Delete of a container that is created, and so is not stopped, is an error and has no effect on it."""
    c.create()
    expect(c.delete(check=False).code != 0, "it is deleted")
    equal(c.status(), "created")
    c.start()


@clause("runtime.md#delete")
def delete_removes_what_create_made(c):
    """Delete removes the state, the cgroups and the mounts that create made."""
    before = c.mounts_outside()
    c.up("true")
    c.wait_for("stopped")
    c.delete()
    expect(not c.known(), "the state is there")
    c.leaves_no_group()
    equal(c.mounts_outside(), before)


@clause("runtime.md#delete")
def delete_leaves_what_create_did_not_make(c):
    """Delete leaves what belongs to the container and was not made by create: bundle, root, bound directories, joined namespaces."""
    volume = c.directory / "volume"
    volume.mkdir()
    c.bind(volume, "/volume")
    holder = c.child("unshare", "--net", "sleep", "1000")
    c.eventually("the namespace is there", lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
    c.unshare("network", f"/proc/{holder.pid}/ns/net")
    c.up("echo kept >/volume/file; echo kept >/file")
    c.wait_for("stopped")
    c.delete()
    equal((volume / "file").read_text(), "kept\n")
    equal((c.root / "file").read_text(), "kept\n")
    expect((c.bundle / "config.json").exists() and holder.poll() is None)


@clause("runtime.md#delete")
def an_id_can_be_used_again_after_delete(c):
    """After delete the id may be used by another container."""
    for _ in range(2):
        c.up("true")
        c.wait_for("stopped")
        c.delete()


@clause("runtime.md#delete")
def processes_that_are_left_in_the_container_end_with_it(c):
    """What create made is undone: when a container's first process ends, nothing of it goes on running."""
    c.up("sleep 5555 & sleep 5556 & exec true")
    c.wait_for("stopped")
    c.delete()
    c.leaves_no_group()
    left = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # A process of another test that ends meanwhile.
            if path.read_bytes() in (b"sleep\x005555\x00", b"sleep\x005556\x00") and os.readlink(path.with_name("root")).startswith(str(c.directory)):
                left.append(path)
    expect(not left, left)


@clause("runtime-linux.md#file-descriptors")
def only_the_standard_streams_are_open(c):
    """The program gets stdin, stdout and stderr and no other open descriptor, whatever the runtime's caller left open."""
    read, write = os.pipe()
    try:
        done = c.run("probe", "descriptors", pass_fds=(read, write))
    finally:
        os.close(read)
        os.close(write)
    equal((done.code, done.out), (0, ""), done.err)


@clause("runtime-linux.md#dev-symbolic-links")
def the_links_of_dev_are_there(c):
    """/dev/fd, /dev/stdin, /dev/stdout and /dev/stderr are links into /proc/self/fd."""
    found = c.inside("for name in fd stdin stdout stderr; do readlink /dev/$name; done").split()
    equal(found, ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"])


@clause("bundle.md#container-format")
def config_json_lies_in_the_root_of_the_bundle(c):
    """A bundle's configuration is its file config.json, and no other."""
    c.write()
    (c.bundle / "config.json").rename(c.bundle / "Config.json")
    expect(c.call("create", "--bundle", c.bundle, c.id).code != 0)
    expect(not c.known())


@clause("config-linux.md#default-filesystems", SHOULD)
def the_example_config_mounts_the_default_filesystems(c):
    """/proc, /sys, /dev/pts and /dev/shm are proc, sysfs, devpts and tmpfs in a container of the runtime's own example."""
    import json
    place = c.directory / "example"
    place.mkdir()
    equal(c.call("spec", cwd=place).code, 0)
    c.config["mounts"] = json.loads((place / "config.json").read_text())["mounts"]
    c.unshare("cgroup")
    found = {line.split()[1]: line.split()[2] for line in c.inside("cat /proc/mounts").splitlines()}
    for path, kind in (("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs")):
        equal(found.get(path), kind, path)
