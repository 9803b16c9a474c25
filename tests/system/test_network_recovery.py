"""A network whose bridge or rules were taken away by hand is whole again at once, or when the daemon comes back."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from harness import NOVA, eventually, run, web_image
from survival import LAB, STEADY_MACHINE, capsule, capsules_with, links, machines_of

SERVING = capsule("serve", "httpd -f -p 80 -h /www & wait", more='ports = ["8080:80"]')
MACHINE = STEADY_MACHINE.replace("http://count/", "http://serve/")


def shell(command, check=True):
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=check).stdout


def ruleset():
    return shell("nft list ruleset")


def ruleset_is_ours():
    return "masquerade" in ruleset() and "10.88.0.0/24" in ruleset()


# Says to whoever asks what address it sees. It has no route to our networks: only what is masqueraded gets an answer.
WORLD = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
server = http.server.HTTPServer(("", 80), Answer)
os.write(1, b"up")
server.serve_forever()
"""

ASKING = f"""{sys.executable} -c 'import urllib.request; print(urllib.request.urlopen("{{}}", timeout=10).read())'"""


@contextlib.contextmanager
def world():
    """A neighbour 203.0.113.2 in a network namespace of its own; this host is 203.0.113.1 to it. Gives a runner of commands in there."""
    server = subprocess.Popen(["unshare", "--net", sys.executable, "-c", WORLD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert server.stdout.read(2) == b"up"
        inside = f"nsenter -t {server.pid} -n "
        shell(f"ip link add wan type veth peer name wan0 netns {server.pid}; ip addr add 203.0.113.1/24 dev wan; ip link set wan up")
        shell(f"{inside} ip addr add 203.0.113.2/24 dev wan0; {inside} ip link set wan0 up")
        yield lambda command: shell(inside + command, check=False)
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def begun(nova):
    """Brings all up, lets the test do its harm and repair, and then looks whether all is as before. Gives that look."""
    web_image(nova)
    nova.novafile(LAB + SERVING + MACHINE)
    with world() as in_the_world:
        nova.run("up")
        eventually("the machine has the page", lambda: "from the image" in nova.out("logs", "vm", "probe"), 240, 0.5)
        eventually("the network is whole at first", lambda: check_whole(nova, in_the_world), 120)
        running, rules = (capsules_with("httpd"), machines_of(nova)), ruleset()
        yield lambda: check_whole(nova, in_the_world)
        eventually("the network is whole", lambda: check_whole(nova, in_the_world), 120)
        assert ruleset() == rules, f"the rules were {rules}, now they are {ruleset()}"
        assert (capsules_with("httpd"), machines_of(nova)) == running, "nothing was started anew"


def ping(nova, target):
    return nova.run("exec", "container", "serve", "--", "ping", "-c", "1", "-W", "1", target, check=False).returncode == 0


def check_whole(nova, in_the_world):
    """Bridge, address, rules, plugs, and that packets and names find their way: inside, out, and in by the published port."""
    network = nova.json("net", "ls")["items"][0]
    assert network["status"]["phase"] == "Active", network
    now = links()
    assert "nova:" in shell("ip -d link show lab") and "state UP" in now["lab"], now
    addresses = shell("ip -4 addr show lab")
    assert "10.88.0.1/24" in addresses, f"the bridge has no address: {addresses}"
    plugs = [plug["link"] for plug in network["status"]["attachments"]]
    assert len(plugs) == 2 and all("master lab" in now[plug] for plug in plugs), (plugs, now)
    assert ruleset_is_ours(), ruleset()
    eventually("the capsule reaches the machine", lambda: ping(nova, nova.object("vm", "probe")["status"]["address"]))
    eventually("names resolve", lambda: ping(nova, "probe"))
    asking = ["udhcpc", "-i", "eth0", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true"]
    eventually("DHCP answers", lambda: "obtained" in nova.run("exec", "container", "serve", "--", *asking, check=False).stderr)
    page = f"http://{nova.object('container', 'serve')['status']['podIP']}/"
    assert b"from the image" in eventually("the host reaches the capsule", lambda: urllib.request.urlopen(page, timeout=5).read())
    asking = ["timeout", "20", "wget", "-q", "-O", "-", "http://203.0.113.2/"]
    seen = nova.run("exec", "container", "serve", "--", *asking, check=False).stdout
    assert seen == "203.0.113.1", f"out in the world the capsule is {seen!r}"
    assert b"from the image" in urllib.request.urlopen("http://127.0.0.1:8080/", timeout=5).read()
    assert "from the image" in in_the_world(ASKING.format("http://203.0.113.1:8080/")), "the world does not reach the published port"
    return True


@contextlib.contextmanager
def no_daemon(nova):
    """What is done meanwhile is found when the daemon comes back."""
    nova.run("server", "stop")
    yield
    nova.run("status")


def test_bridge_deleted_while_no_daemon_runs(nova):
    with begun(nova), no_daemon(nova):
        shell("ip link del lab")


def test_rules_flushed_while_no_daemon_runs(nova):
    with begun(nova), no_daemon(nova):
        shell("nft flush ruleset")


def test_one_rule_deleted_while_no_daemon_runs(nova):
    """What is left looks like ours: still it is noticed that it is not all of it."""
    with begun(nova):
        table = ruleset().split()[2]
        with no_daemon(nova):
            shell(f"nft flush chain inet {table} published")


def test_what_is_taken_away_while_the_daemon_runs_is_back_at_once(nova):
    with begun(nova) as look:
        daemon = nova.daemon_pid()
        table = ruleset().split()[2]
        plug = next(plug["link"] for plug in nova.json("net", "ls")["items"][0]["status"]["attachments"] if plug["kind"] == "Pod")
        for harm in ("ip link del lab", "nft flush ruleset", f"nft flush chain inet {table} published", "ip link set lab down",
                     "ip addr flush dev lab", f"ip link del {plug}", f"ip link set {plug} nomaster", "nft flush ruleset; ip link del lab"):
            shell(harm)
            eventually(f"after '{harm}' the bridge is back", lambda: "state UP" in links().get("lab", ""))
            eventually(f"after '{harm}' the rules are back", ruleset_is_ours)
            eventually(f"after '{harm}' the network is whole", look, 120)
        assert nova.daemon_pid() == daemon


def test_a_firewall_that_is_reloaded_again_and_again_opens_no_hole_for_long(nova):
    """And our own repair is no reason for the next."""
    with begun(nova):
        for _ in range(20):
            shell("nft flush ruleset; nft add table inet theirs")
        eventually("the rules are back", ruleset_is_ours)
        assert "table inet theirs" in ruleset(), "what is another's stays"
        with_handles = "nft -a list table inet $(nft list tables | grep -o 'nova_[0-9a-f]*')"  # A table that is made anew has others.

        def unchanged():
            before = shell(with_handles)
            time.sleep(2)
            return "handle" in before and before == shell(with_handles)
        eventually("the last repair was the last", unchanged)
        shell("nft delete table inet theirs")


def test_everything_at_once_and_the_daemon_killed(nova):
    with begun(nova):
        dns = int((nova.root / "run/dns/lab/pid").read_text())
        os.kill(nova.daemon_pid(), signal.SIGSTOP)  # So that it repairs nothing of it.
        shell("ip link del lab; nft flush ruleset; sysctl -qw net.ipv4.ip_forward=0")
        os.kill(dns, signal.SIGKILL)
        nova.kill_daemon()


def recover_switch(nova, state, **options):
    """"Verifying restart recovery", its steps 1 to 3, with an uplink that is a link of this test's."""
    shell("ip link add enp6s0 type veth peer name cable && ip link set enp6s0 up")
    nova.run("net", "create", "hyperv0", "--type", "bridge", "--profile", "nat", "--uplink", "enp6s0", "--subnet",
             "192.168.220.1/24", "--dhcp-range", "192.168.220.50-192.168.220.150", **options)
    listed = eventually("it is active", lambda: (text := nova.out("net", "ls")) if "Active" in nova.out("net", "ls") else None)
    assert "hyperv0" in listed and "192.168.220.0/24" in listed and "nat" in listed
    saved = json.loads(state.read_text())
    assert "192.168.220" in json.dumps(saved) and "enp6s0" in json.dumps(saved), saved
    rules = shell("nft list ruleset")
    assert "masquerade" in rules and "enp6s0" in rules, rules
    nova.run("server", "stop")
    shell("ip link del hyperv0; nft flush ruleset")
    # Active it is called by what the last daemon wrote, too.
    eventually("it is active again", lambda: "Active" in nova.out("net", "ls") and "hyperv0" in links() and "192.168.220.1/24" in shell("ip -4 addr show hyperv0"))
    eventually("the rules are back", lambda: shell("nft list ruleset").replace("\t", "") == rules.replace("\t", ""))
    eventually("DHCP and DNS are served", lambda: ":67 " in shell("ss -lun") and "192.168.220.1:53 " in shell("ss -lun"))
    nova.run("net", "delete", "hyperv0")
    eventually("it is gone", lambda: "hyperv0" not in links() and not state.exists())
    shell("ip link del enp6s0")


def test_a_switch_is_recovered(nova):
    recover_switch(nova, nova.root / "state/networks/hyperv0.json")


def test_a_switch_is_recovered_at_the_default_place(nova):
    """Without --root the state file lies in ~/.local/share/nova/networks. /var and /run are this test's own."""
    shell("mount -t tmpfs none /var/lib && mount -t tmpfs none /run")
    home = tempfile.mkdtemp(prefix="nova-home-", dir=nova.root)
    environment = {**{name: value for name, value in os.environ.items() if not name.startswith("XDG_")}, "HOME": home}

    def run_without_root(*words, check=True, timeout=120, **_):
        done = subprocess.run([NOVA, *map(str, words)], capture_output=True, text=True, timeout=timeout, env=environment, check=False)
        assert not check or done.returncode == 0, done
        return done

    nova.run = run_without_root
    try:
        recover_switch(nova, pathlib.Path(home) / ".local/share/nova/networks/hyperv0.json")
    finally:
        run_without_root("server", "stop")
        del nova.run
        shell("umount -l /run /var/lib")


run(globals())
