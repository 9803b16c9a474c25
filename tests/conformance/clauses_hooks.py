"""config.md#posix-platform-hooks: when hooks run, where, and with what."""
import json
import os

from suite import clause, equal, expect

HOOKS = "config.md#posix-platform-hooks"
KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
OUTSIDE = ("prestart", "createRuntime", "poststart", "poststop")


def finish(c):
    """Through the whole life of a container that has hooks."""
    c.create()
    c.start()
    c.wait_for("stopped")
    c.delete()


def notes_of_all_kinds(c, script):
    """Runs a script as a hook of each kind; what each wrote to $NOTE."""
    notes = c.share_notes()
    for kind in KINDS:
        c.hook(kind, f"NOTE={notes}/{kind}\n{script}")
    finish(c)
    return {kind: (notes / kind).read_text() if (notes / kind).exists() else None for kind in KINDS}


@clause("runtime.md#lifecycle")
def hooks_run_in_the_order_of_the_lifecycle(c):
    """prestart, createRuntime, createContainer at create; startContainer, the program, poststart at start; poststop at delete."""
    notes = c.share_notes()
    for kind in reversed(KINDS):
        c.hook(kind, f"echo {kind} >>{notes}/order")
    c.program("sh", "-c", f"echo program >>{notes}/order")

    def order():
        return (notes / "order").read_text().split()
    c.create()
    equal(order(), ["prestart", "createRuntime", "createContainer"], "after create")
    c.start()
    c.wait_for("stopped")
    expect(order()[3] == "startContainer" and sorted(order()[4:]) == ["poststart", "program"], "after start", order())
    c.delete()
    equal(order()[6:], ["poststop"], "after delete")


@clause(HOOKS)
def hooks_of_one_kind_run_in_the_listed_order(c):
    """Hooks run in the order in which they are listed, each once."""
    notes = c.share_notes()
    for number in range(4):
        for kind in KINDS:
            c.hook(kind, f"echo {number} >>{notes}/{kind}")
    finish(c)
    for kind in KINDS:
        equal((notes / kind).read_text().split(), ["0", "1", "2", "3"], kind)


@clause(HOOKS)
def hooks_get_the_state_on_stdin(c):
    """Every hook reads the container's state on its standard input, to its end."""
    c.config["annotations"] = {"org.example.key": "a value"}
    for kind, text in notes_of_all_kinds(c, "cat >$NOTE").items():
        expect(text, kind, "it did not run, or got nothing")
        state = json.loads(text)
        equal((state["id"], state["bundle"], state["annotations"]), (c.id, str(c.bundle), c.config["annotations"]), kind)
        expect(state["ociVersion"] and state["status"], kind, state)


@clause("runtime.md#state")
def hooks_get_the_status_of_their_moment(c):
    """The status that hooks read is creating in create, created in start, running after it, stopped at the end."""
    found = {kind: json.loads(text or "{}").get("status") for kind, text in notes_of_all_kinds(c, "cat >$NOTE").items()}
    for kind in ("prestart", "createRuntime", "createContainer"):
        expect(found[kind] in ("creating", "created"), kind, found)
    equal((found["startContainer"], found["poststart"], found["poststop"]), ("created", "running", "stopped"))


@clause("runtime.md#state")
def hooks_outside_get_the_pid_that_the_runtime_sees(c):
    """Hooks that run in the runtime's namespace read the pid as it is there."""
    notes = c.share_notes()
    for kind in ("prestart", "createRuntime", "poststart"):
        c.hook(kind, f"cat >{notes}/{kind}")
    pid = c.up()
    for kind in ("prestart", "createRuntime", "poststart"):
        equal(json.loads((notes / kind).read_text())["pid"], pid, kind)


@clause("runtime.md#state")
def hooks_inside_get_the_pid_that_the_container_sees(c):
    """Hooks that run in the container's namespace read the pid as it is there: 1, with a pid namespace of its own."""
    notes = c.share_notes()
    for kind in ("createContainer", "startContainer"):
        c.hook(kind, f"cat >{notes}/{kind}")
    c.up()
    for kind in ("createContainer", "startContainer"):
        equal(json.loads((notes / kind).read_text())["pid"], 1, kind)


@clause(HOOKS)
def hooks_outside_run_in_the_runtimes_namespaces(c):
    """prestart, createRuntime, poststart and poststop run in the namespaces that the runtime runs in."""
    found = notes_of_all_kinds(c, "cd /proc/self/ns; for name in mnt net uts ipc pid; do readlink $name; done >$NOTE")
    wanted = [os.readlink(f"/proc/self/ns/{name}") for name in ("mnt", "net", "uts", "ipc", "pid")]
    for kind in OUTSIDE:
        equal((found[kind] or "").split(), wanted, kind)


@clause(HOOKS)
def hooks_inside_run_in_the_containers_namespaces(c):
    """createContainer and startContainer run in the container's namespaces."""
    notes = c.share_notes()
    for kind in ("createContainer", "startContainer"):
        c.hook(kind, f"(cd /proc/self/ns || cd /proc/1/ns; for name in mnt net uts ipc; do readlink $name; done) >{notes}/{kind}")
    pid = c.up()
    wanted = [os.readlink(f"/proc/{pid}/ns/{name}") for name in ("mnt", "net", "uts", "ipc")]
    for kind in ("createContainer", "startContainer"):
        equal((notes / kind).read_text().split(), wanted, kind)


@clause("config.md#startcontainer-hooks")
def start_container_hooks_resolve_in_the_container(c):
    """The path of a startContainer hook is one of the container's root, which is what such a hook sees."""
    notes = c.share_notes()
    (c.root / "only-inside").touch()
    c.hook("startContainer", f"[ -e /only-inside ] && [ ! -e {c.bundle} ] && echo inside >{notes}/seen")
    c.up()
    equal((notes / "seen").read_text(), "inside\n")


@clause("config.md#createcontainer-hooks")
def create_container_hooks_resolve_outside_and_before_pivot_root(c):
    """The path of a createContainer hook is the runtime's, and it runs before the root is left, with the mounts already made."""
    notes = c.share_notes()
    mark = c.directory / "outside"
    mark.touch()
    c.mount("/scratch", "tmpfs", "tmpfs")
    c.hook("createContainer", f"[ -e {mark} ] && grep -q ' {c.root}/scratch ' /proc/self/mountinfo && echo outside >{notes}/seen")
    c.up()
    equal((notes / "seen").read_text(), "outside\n")


@clause("config.md#createruntime-hooks")
def create_runtime_hooks_run_with_the_namespaces_made_and_before_pivot_root(c):
    """prestart and createRuntime hooks find the container's namespaces made and its process still with the host's root."""
    notes = c.share_notes()
    mark = c.directory / "outside"
    mark.touch()
    for kind in ("prestart", "createRuntime"):
        c.hook(kind, f"""pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/' | tr -d '\\n' | grep -o '[0-9]*$')
            [ $(readlink /proc/$pid/ns/net) != $(readlink /proc/self/ns/net) ] && [ -e /proc/$pid/root{mark} ] && echo before >{notes}/{kind}""")
    c.up()
    for kind in ("prestart", "createRuntime"):
        expect((notes / kind).exists(), kind, "the root is left, or the namespace not made")


@clause("config.md#createruntime-hooks")
def create_runtime_hooks_can_change_the_network_namespace(c):
    """What a createRuntime hook does to the container's network namespace is there when the program runs."""
    c.hook("createRuntime", """pid=$(tr -d ' \\n' | sed 's/.*"pid":\\([0-9]*\\).*/\\1/')
        nsenter --net=/proc/$pid/ns/net ip link set lo up""")
    expect("UP" in c.inside("ip link show lo"), "lo is not up")


@clause(HOOKS)
def hooks_get_their_arguments(c):
    """args is the whole argv of a hook, the first one included."""
    found = {}
    notes = c.share_notes()
    for kind in KINDS:
        c.hook(kind, f'printf "%s|" "$#" "$@" >{notes}/{kind}', args=["first", "second word", "", "last"])
    finish(c)
    found = {kind: (notes / kind).read_text() for kind in KINDS}
    for kind in KINDS:
        equal(found[kind], "3|second word||last|", kind)


@clause(HOOKS)
def hooks_get_their_environment_and_no_other(c):
    """env is the whole environment of a hook."""
    notes = c.share_notes()
    for kind in KINDS:
        c.hook(kind, f"env >{notes}/{kind}", env=["ONE=1", "TWO=a b=c"])
    os.environ["OF_THE_CALLER"] = "here"
    finish(c)
    for kind in KINDS:
        found = set((notes / kind).read_text().splitlines())
        expect({"ONE=1", "TWO=a b=c"} <= found, kind, found)
        expect("OF_THE_CALLER=here" not in found, kind, found)


@clause("config.md#poststart")
def poststart_hooks_are_done_when_start_returns(c):
    """poststart hooks run after the program is executed, and start returns after them."""
    notes = c.share_notes()
    c.hook("poststart", f"""pid=$(tr -d ' \\n' | sed 's/.*"pid":\\([0-9]*\\).*/\\1/')
        tr '\\0' ' ' </proc/$pid/cmdline >{notes}/program; sleep 0.2; echo done >{notes}/done""")
    c.program("sleep", "1000")
    c.create()
    expect(not (notes / "done").exists(), "it ran at create")
    c.start()
    equal((notes / "done").read_text(), "done\n")
    equal((notes / "program").read_text(), "sleep 1000 ", "what runs when the hook does")


@clause("config.md#startcontainer-hooks")
def start_container_hooks_are_done_before_the_program(c):
    """startContainer hooks run at start, not at create, and the program only after them."""
    notes = c.share_notes()
    c.hook("startContainer", f"sleep 0.2; echo hook >>{notes}/order")
    c.program("sh", "-c", f"echo program >>{notes}/order")
    c.create()
    expect(not (notes / "order").exists(), "it ran at create")
    c.start()
    c.wait_for("stopped")
    equal((notes / "order").read_text(), "hook\nprogram\n")


@clause("config.md#poststop")
def poststop_hooks_run_after_the_container_is_gone_and_before_delete_returns(c):
    """poststop hooks run after the container is deleted, and delete returns after them."""
    notes = c.share_notes()
    groups = " ".join(str(c.group_of(name)) for name in ("memory", "pids"))
    c.hook("poststop", f"sleep 0.2; ls -d {groups} >{notes}/groups 2>/dev/null; echo done >{notes}/done")
    c.up("true")
    c.wait_for("stopped")
    expect(not (notes / "done").exists(), "it ran before delete")
    c.delete()
    equal((notes / "done").read_text(), "done\n")
    equal((notes / "groups").read_text(), "", "cgroups at that time")


@clause(HOOKS)
def hooks_within_their_timeout_are_left_alone(c):
    """A hook that is done within its timeout runs to its end."""
    notes = c.share_notes()
    c.hook("createRuntime", f"sleep 0.1; echo done >{notes}/done", timeout=60)
    c.up()
    equal((notes / "done").read_text(), "done\n")


@clause(HOOKS)
def a_hook_that_overruns_its_timeout_is_ended(c):
    """A hook that takes longer than its timeout is aborted, which counts as its failure."""
    notes = c.share_notes()
    c.hook("createRuntime", f"sleep 15; echo done >{notes}/done", timeout=1)
    expect(c.create(check=False).code != 0, "create succeeds")
    expect(not c.known() and not (notes / "done").exists())


@clause(HOOKS)
def a_timeout_of_zero_is_refused(c):
    """A timeout must be greater than zero."""
    c.hook("createRuntime", "true", timeout=0)
    c.refuses()


@clause(HOOKS)
def a_negative_timeout_is_refused(c):
    """A timeout must not be below zero."""
    c.hook("createRuntime", "true", timeout=-1)
    c.refuses()


@clause(HOOKS)
def a_relative_path_of_a_hook_is_refused(c):
    """The path of a hook must be absolute."""
    c.config["hooks"] = {"createRuntime": [{"path": "bin/true"}]}
    c.refuses()


@clause(HOOKS)
def a_hook_without_a_path_is_refused(c):
    """The path of a hook is required."""
    c.config["hooks"] = {"poststop": [{"args": ["true"]}]}
    c.refuses()
