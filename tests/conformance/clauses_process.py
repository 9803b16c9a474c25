"""config.md#process: what the program is, where and with what it runs."""
import array
import fcntl
import os
import pathlib
import select
import socket
import struct
import termios
import threading

from suite import SHOULD, clause, equal, expect

PROCESS, LINUX, USER = "config.md#process", "config.md#linux-process", "config.md#posix-platform-user"


@clause(PROCESS)
def cwd_is_the_working_directory(c):
    """cwd is the program's working directory."""
    c.process["cwd"] = "/var"
    equal(c.inside("pwd; readlink /proc/self/cwd"), "/var\n/var")


@clause(PROCESS)
def a_relative_cwd_is_refused(c):
    """cwd must be an absolute path."""
    c.process["cwd"] = "var"
    c.refuses()


@clause(PROCESS)
def a_process_without_a_cwd_is_refused(c):
    """cwd is required."""
    del c.process["cwd"]
    c.refuses()


@clause(PROCESS)
def a_cwd_that_is_a_file_is_refused(c):
    """A cwd that can't be entered is an error."""
    c.process["cwd"] = "/bin/busybox"
    c.refuses()


@clause(PROCESS)
def a_cwd_in_a_mount_is_that_mounts(c):
    """cwd is looked up after the mounts are made."""
    (c.directory / "volume").mkdir()
    c.bind(c.directory / "volume", "/volume")
    c.process["cwd"] = "/volume"
    c.inside("echo here >file")
    equal((c.directory / "volume/file").read_text(), "here\n")


@clause(PROCESS)
def env_is_the_whole_environment(c):
    """env is the environment of the program, without anything of the runtime's."""
    os.environ["OF_THE_CALLER"] = "here"
    c.process["env"] = ["PATH=/bin", "ONE=1", "TWO=a b=c", "EMPTY="]
    found = set(c.run("env").out.splitlines())
    expect({"PATH=/bin", "ONE=1", "TWO=a b=c", "EMPTY="} <= found, found)
    expect(not {line for line in found if line.split("=")[0] not in ("PATH", "ONE", "TWO", "EMPTY", "HOME", "SHLVL", "PWD")}, "there is more", found)


@clause(PROCESS)
def args_are_given_as_they_are(c):
    """args is the argv of the program, with blanks, empty words and quotes as they are."""
    done = c.run("probe", "lines", "a b", "", "'quoted' \"twice\"", "$HOME *", "über")
    equal(done.out.splitlines(), ["[a b]", "[]", "['quoted' \"twice\"]", "[$HOME *]", "[über]"], done.err)


@clause(PROCESS)
def the_first_of_args_is_looked_up_as_execvp_does(c):
    """A name without a slash is looked up in the PATH of env; one with a slash is a path."""
    c.process["env"] = ["PATH=/nowhere:/own"]
    (c.root / "own").mkdir()
    os.link(c.root / "bin/probe", c.root / "own/only-here")
    equal(c.run("only-here", "lines", "found").out, "[found]\n")
    c.process["cwd"] = "/own"
    equal(c.run("./only-here", "lines", "found").out, "[found]\n")


@clause(PROCESS)
def a_process_without_args_is_refused(c):
    """At least one entry of args is required."""
    del c.process["args"]
    c.refuses(change_program=False)


@clause(PROCESS)
def empty_args_are_refused(c):
    """At least one entry of args is required: an empty list has none."""
    c.process["args"] = []
    c.refuses(change_program=False)


@clause(PROCESS, SHOULD)
def the_exit_code_is_the_programs(c):
    """Whoever runs a container to its end gets the program's exit code; 128 and the signal where one ended it."""
    equal(c.run("sh", "-c", "exit 7").code, 7)
    equal(c.run("sh", "-c", "exit 0").code, 0)
    c.program("sh", "-c", "sh -c 'kill -9 $$'; exit $?")
    equal(c.run().code, 137)


@clause(PROCESS)
def the_streams_are_those_of_the_caller(c):
    """Without a terminal the program's streams are those that the runtime was called with."""
    with open(c.directory / "input", "w+") as given:
        given.write("from outside")
        given.seek(0)
        done = c.run("sh", "-c", "cat; echo to stderr >&2; [ -t 0 ] && echo terminal", stdin=given)
    equal((done.out, done.err), ("from outside", "to stderr\n"))


class Console:
    """A socket that a runtime sends a terminal's master to; what it gets is kept."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(1)
        self.socket.settimeout(60)
        self.master = None
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        connection, _ = self.socket.accept()
        with connection:
            found = array.array("i")
            _, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    found.frombytes(data[:4])
            self.master = found[0] if found else None

    def read_until(self, words, seconds=60):
        self.thread.join(seconds)
        expect(self.master is not None, "no terminal was sent")
        text = ""
        while words not in text:
            expect(select.select([self.master], [], [], seconds)[0], f"the terminal shows no {words!r} but", repr(text))
            try:
                text += os.read(self.master, 4096).decode()
            except OSError:
                expect(False, f"the terminal shows no {words!r} but", repr(text))
        return text

    def close(self):
        self.socket.close()
        if self.master is not None:
            os.close(self.master)


def in_terminal(c, script, words, answer=None):
    """Runs a script in a terminal, until it writes the words."""
    c.process["terminal"] = True
    c.program("sh", "-c", script)
    path = c.directory / "console"
    console = Console(path)
    try:
        c.create(extra=("--console-socket", path))
        c.start()
        if answer:
            console.read_until("ready")
            os.write(console.master, answer)
        return console.read_until(words)
    finally:
        console.close()
        path.unlink()


@clause(PROCESS)
def a_terminal_is_on_the_standard_streams(c):
    """With terminal, the program's three streams are the slave of a pseudoterminal, which is its controlling one."""
    text = in_terminal(c, "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three; echo hello >/dev/tty; tty; echo end", "end")
    expect("three" in text and "hello" in text and "/dev/" in text, text)


@clause(PROCESS)
def what_is_typed_reaches_the_program(c):
    """What is written to the terminal's master is the program's input."""
    expect("got: some words" in in_terminal(c, "echo ready; read line; echo got: $line", "got: some words", b"some words\n"))


@clause(PROCESS)
def console_size_is_the_terminals_size(c):
    """consoleSize is the size of the terminal when the program starts."""
    c.process["consoleSize"] = {"height": 33, "width": 111}
    expect("33 111" in in_terminal(c, "stty size; echo end", "end"))


@clause(PROCESS)
def console_size_without_a_terminal_is_ignored(c):
    """consoleSize is ignored without a terminal."""
    c.process["consoleSize"] = {"height": 33, "width": 111}
    equal(c.inside("echo ran"), "ran")


@clause("config-linux.md#default-devices")
def a_terminal_is_at_dev_console(c):
    """With terminal, /dev/console is the program's terminal."""
    text = in_terminal(c, "stat -c '%t:%T' /dev/console; stat -L -c '%t:%T' /proc/self/fd/0; echo through >/dev/console; echo end", "end")
    lines = [line for line in text.replace("\r", "").splitlines() if ":" in line]
    expect(len(lines) >= 2 and lines[0] == lines[1], text)
    expect("through" in text, text)


@clause(PROCESS)
def a_terminal_of_another_user_is_that_users(c):
    """A terminal's slave can be opened by the user that the program runs as."""
    c.process["user"] = {"uid": 1234, "gid": 1234}
    expect("opened" in in_terminal(c, "echo opened >/dev/tty; stat -c %u $(tty); echo end", "end"))


@clause(PROCESS)
def a_terminal_may_change_its_size(c):
    """A new size of the terminal reaches the program."""
    c.process["terminal"] = True
    c.program("sh", "-c", "trap 'stty size; exit' WINCH; echo ready; while true; do sleep 0.05; done")
    path = c.directory / "console"
    console = Console(path)
    try:
        c.create(extra=("--console-socket", path))
        c.start()
        console.read_until("ready")
        fcntl.ioctl(console.master, termios.TIOCSWINSZ, struct.pack("4H", 44, 99, 0, 0))
        console.read_until("44 99")
    finally:
        console.close()
        path.unlink()


def identity(c):
    status = dict(line.split(":", 1) for line in c.inside("cat /proc/self/status").splitlines())
    return status["Uid"].split(), status["Gid"].split(), status["Groups"].split()


@clause(USER)
def uid_and_gid_are_the_programs(c):
    """uid and gid are all four ids of the program."""
    c.process["user"] = {"uid": 1234, "gid": 2345}
    equal(identity(c), (["1234"] * 4, ["2345"] * 4, []))


@clause(USER)
def additional_gids_are_the_programs_groups(c):
    """additionalGids are the program's supplementary groups."""
    c.process["user"] = {"uid": 1234, "gid": 2345, "additionalGids": [5, 6, 77777]}
    equal(sorted(identity(c)[2], key=int), ["5", "6", "77777"])


@clause(USER)
def root_has_no_groups_of_the_callers(c):
    """The caller's own groups are not the program's."""
    equal(identity(c), (["0"] * 4, ["0"] * 4, []))


@clause(USER)
def umask_is_the_programs(c):
    """umask is the program's file mode creation mask."""
    c.process["user"]["umask"] = 0o027
    equal(c.inside("umask; touch /file; stat -c %a /file"), "0027\n640")


@clause(USER)
def umask_is_the_callers_unless_it_is_given(c):
    """Without umask the mask is that of the runtime's caller."""
    expect(int(c.inside("umask", umask=0o053), 8) in (0o053, 0o022))


@clause(USER)
def umask_does_not_change_what_the_runtime_makes(c):
    """The caller's and the program's umask have no effect on devices and directories that the runtime makes."""
    c.process["user"]["umask"] = 0o077
    equal(c.inside("stat -c %a /dev/null /dev/shm /dev/pts/ptmx").split(), ["666", "1777", "666"])


@clause(USER)
def a_user_is_not_looked_up_in_the_root(c):
    """Ids are numbers: what the root's /etc/passwd says of them has no effect."""
    (c.root / "etc/passwd").write_text("evil:x:1234:0::/:/bin/sh\n")
    (c.root / "etc/group").write_text("evil:x:0:evil\n")
    c.process["user"] = {"uid": 1234, "gid": 1234}
    equal(identity(c), (["1234"] * 4, ["1234"] * 4, []))


@clause(LINUX)
def oom_score_adj_is_set(c):
    """oomScoreAdj is the program's oom_score_adj."""
    c.process["oomScoreAdj"] = 321
    equal(c.inside("cat /proc/self/oom_score_adj"), "321")


@clause(LINUX)
def oom_score_adj_is_left_alone_unless_it_is_given(c):
    """Without oomScoreAdj the value is the caller's."""
    equal(c.inside("cat /proc/self/oom_score_adj", preexec_fn=lambda: pathlib.Path("/proc/self/oom_score_adj").write_text("123")), "123")


@clause(LINUX)
def oom_score_adj_of_zero_is_kept_apart_from_none(c):
    """An oomScoreAdj of zero is set, and not taken for a missing one."""
    c.process["oomScoreAdj"] = 500
    c.process["oomScoreAdj"] = 0
    found = c.run("cat", "/proc/self/oom_score_adj", preexec_fn=lambda: pathlib.Path("/proc/self/oom_score_adj").write_text("123"))
    expect(found.out == "0\n" or found.code != 0, found)


@clause("config-linux.md#personality")
def personality_linux32_shows_a_32_bit_machine(c):
    """The domain LINUX32 makes uname tell a 32 bit machine."""
    c.linux["personality"] = {"domain": "LINUX32"}
    equal(c.inside("uname -m"), "i686")


@clause("config-linux.md#personality")
def personality_linux_is_the_plain_one(c):
    """The domain LINUX is the ordinary one."""
    c.linux["personality"] = {"domain": "LINUX"}
    equal(c.inside("uname -m; probe personality"), f"{os.uname().machine}\n0")


@clause("config-linux.md#personality")
def an_unknown_personality_is_refused(c):
    """A domain that is not of the list is an error."""
    c.linux["personality"] = {"domain": "LINUX64"}
    c.refuses()
