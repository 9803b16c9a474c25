"""runtime.md#lifecycle: what the failure of a hook of each kind does."""
import pathlib

from suite import SHOULD, add, clause, equal, expect

LIFE = "runtime.md#lifecycle"
AT_CREATE = ("prestart", "createRuntime", "createContainer")


def failing(c, kind, text="exit 3"):
    """A container with a hook that fails, between two others, and a poststop hook; where they leave notes."""
    notes = c.share_notes()
    c.hook(kind, f"echo first >>{notes}/hooks")
    c.hook(kind, f"echo failing >>{notes}/hooks; {text}")
    c.hook(kind, f"echo third >>{notes}/hooks")
    c.hook("poststop", f"echo poststop >>{notes}/poststop")
    c.program("sh", "-c", f"echo ran >{notes}/program; exec sleep 1000")
    return notes


def is_destroyed(c):
    expect(not c.known(), "the container is still there", c.call("state", c.id))
    c.leaves_no_group()


def fails_create(kind):
    def body(c):
        notes = failing(c, kind)
        done = c.create(check=False)
        expect(done.code != 0, "create succeeds")
        equal((notes / "hooks").read_text().split(), ["first", "failing"], "hooks that ran")
        expect(not (notes / "program").exists(), "the program ran")
        is_destroyed(c)
    return body


def runs_poststop(kind):
    def body(c):
        notes = failing(c, kind)
        c.create(check=False)
        expect((notes / "poststop").exists(), "the poststop hook did not run")
        equal((notes / "poststop").read_text(), "poststop\n")
    return body


def missing_fails(kind):
    def body(c):
        c.config["hooks"] = {kind: [{"path": "/no/such/hook"}]}
        expect(c.create(check=False).code != 0, "create succeeds")
        is_destroyed(c)
    return body


for each in AT_CREATE:
    add(f"a_failing_{each}_hook_fails_create", f"Where a {each} hook fails, create is an error, the next hooks and the program do not run, "
        "and the container is destroyed.", LIFE, fails_create(each), group="hook_failures")
    add(f"a_failing_{each}_hook_goes_on_to_poststop", f"Where a {each} hook fails, the lifecycle goes on with destruction and the poststop hooks.",
        LIFE, runs_poststop(each), group="hook_failures")
    add(f"a_missing_{each}_hook_fails_create", f"A {each} hook that is not there fails create.", LIFE, missing_fails(each), group="hook_failures")


def fails_start(kind):
    def body(c):
        notes = failing(c, kind)
        c.create()
        pid = c.state()["pid"]
        expect(c.start(check=False).code != 0, "start succeeds")
        equal((notes / "hooks").read_text().split(), ["first", "failing"], "hooks that ran")
        if kind == "startContainer":
            expect(not (notes / "program").exists(), "the program ran")
        c.eventually("the process is gone", lambda: not live(pid))
    return body


def is_destroyed_at_start(kind):
    def body(c):
        notes = failing(c, kind)
        c.create()
        c.start(check=False)
        is_destroyed(c)
        equal((notes / "poststop").read_text(), "poststop\n")
    return body


for each, called, not_run in (("startContainer", "start_container", "the next hooks and the program do not run"),
                              ("poststart", "poststart", "the next hooks do not run")):
    add(f"a_failing_{called}_hook_fails_start", f"Where a {each} hook fails, start is an error, {not_run}, and the container is stopped.",
        LIFE, fails_start(each), group="hook_failures")
    add(f"a_failing_{called}_hook_goes_on_to_poststop", f"Where a {each} hook fails, the container is destroyed and the poststop hooks run.",
        LIFE, is_destroyed_at_start(each), group="hook_failures")


@clause(LIFE)
def a_failing_poststop_hook_is_only_warned_of(c):
    """Where a poststop hook fails, the remaining ones and delete go on as if it had succeeded."""
    notes = c.share_notes()
    c.hook("poststop", f"echo first >>{notes}/hooks; exit 3")
    c.hook("poststop", f"echo second >>{notes}/hooks")
    c.up("true")
    c.wait_for("stopped")
    c.delete()
    equal((notes / "hooks").read_text().split(), ["first", "second"])
    is_destroyed(c)


@clause("runtime.md#warnings")
def a_failing_poststop_hook_is_told(c):
    """The failure of a poststop hook is logged as a warning."""
    c.hook("poststop", "exit 3")
    c.up("true")
    c.wait_for("stopped")
    done = c.delete()
    expect((done.err + done.out).strip(), "nothing is said")


@clause(LIFE)
def poststop_hooks_run_at_a_forced_delete_too(c):
    """A container that is deleted by force has its poststop hooks run."""
    notes = c.share_notes()
    c.hook("poststop", f"echo ran >{notes}/ran")
    c.up()
    c.delete(force=True)
    equal((notes / "ran").read_text(), "ran\n")


@clause(LIFE, SHOULD)
def a_hook_that_a_signal_ends_has_failed(c):
    """A hook that dies of a signal has failed."""
    notes = failing(c, "createRuntime", "kill -9 $$")
    expect(c.create(check=False).code != 0, "create succeeds")
    equal((notes / "hooks").read_text().split(), ["first", "failing"])
    is_destroyed(c)


def live(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False
