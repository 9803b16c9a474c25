"""A service manager opens the socket and passes it on, as systemd does for nova.socket. Here the manager is this test itself."""
import contextlib
import os
import socket
import subprocess
import sys

from harness import NOVA, alive, run

# Its own number is what LISTEN_PID has to say.
PASSING = """
import os, sys
listener, place, *command = sys.argv[1:]
os.dup2(int(listener), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=place)
os.execv(command[0], command)
"""


@contextlib.contextmanager
def manager(nova):
    """A listening socket at the daemon's place, the socket that is notified, and a starter of daemons."""
    (nova.root / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        listener.bind(str(nova.root / "run/nova.sock"))
        listener.listen()
        notified.bind(str(nova.root / "notify"))
        notified.settimeout(60)

        def start():
            words = [sys.executable, "-c", PASSING, str(listener.fileno()), nova.root / "notify", NOVA, "--root", nova.root, "server"]
            daemon = subprocess.Popen(words, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
            assert notified.recv(100) == b"READY=1"
            return daemon
        yield notified, start


def test_stop_ends_the_daemon_and_not_who_holds_its_socket(nova):
    with manager(nova) as (notified, start):
        for _ in range(2):
            daemon = start()
            nova.run("ls")
            assert nova.daemon_pid() == daemon.pid != os.getpid()
            assert nova.out("server", "stop") == "the daemon ended\n" and daemon.wait(60) == 0
            assert notified.recv(100) == b"STOPPING=1"
            assert (nova.root / "run/nova.sock").exists(), "it is the manager's"


def test_stop_without_a_daemon_leaves_the_manager_alone(nova):
    """It connects to the manager's own socket: a signal to whom it finds there would end this test."""
    with manager(nova) as (_, start):
        told = nova.out("server", "stop")
        assert told == f"no daemon runs: process {os.getpid()} holds its socket, and starts one when it is needed\n", told
        daemon = start()
        nova.run("ls")
        assert alive(daemon.pid)
        nova.run("server", "stop")
        daemon.wait(60)


run(globals())
