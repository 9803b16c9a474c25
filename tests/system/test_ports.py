"""A port of this host that another program has is the trouble of the capsule that wants it, and of nobody else."""
import contextlib
import socket
import urllib.request

from harness import CAPSULE, alive, eventually, run, web_image

TWO = CAPSULE + 'ports = ["8080:80"]\n[container.other]\ncapsule = "web"\nnetwork = "lab"\nvolumes = ["./site:/www:ro"]\nports = ["PORT:80"]\n'


@contextlib.contextmanager
def held(port):
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("0.0.0.0", port))
        holder.listen()
        yield


def page(port):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read() == b"First light\n"


def test_a_capsule_waits_for_its_port_while_the_others_run(nova):
    web_image(nova)
    nova.novafile(TWO.replace("PORT", "9090"))
    with held(8080):
        done = nova.told_by_up("up Pod other", "up Network lab")
        assert "failed Pod web: port 8080/tcp of this host is in use by another program\n" in done.stdout, done.stdout
        assert "port 8080/tcp of this host is in use" in nova.out("status", "container", "web")
        eventually("the other is served", lambda: page(9090))
    eventually("it comes up by itself", lambda: nova.object("container", "web")["status"]["phase"] == "Running")
    eventually("it is served", lambda: page(8080))
    assert "up Pod web\n" in nova.out("up")


def test_a_capsule_that_runs_gets_a_new_port_when_it_is_free(nova):
    web_image(nova)
    nova.novafile(TWO.replace("PORT", "9090"))
    nova.run("up")
    pid = nova.pid_of("container", "other")
    nova.novafile(TWO.replace("PORT", "9191"))
    with held(9191):
        done = nova.told_by_up("up Pod web")
        assert "failed Pod other: port 9191/tcp" in done.stdout, done
        assert nova.pid_of("container", "other") == pid and alive(pid)
        eventually("the neighbour is served", lambda: page(8080))
    eventually("it is served", lambda: page(9191))
    assert "up Pod other\n" in nova.out("up") and nova.pid_of("container", "other") == pid


run(globals())
