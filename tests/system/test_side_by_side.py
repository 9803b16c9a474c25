"""Two Novas under two roots on one host, with the same names for everything: neither sees the other."""
import contextlib
import json
import re

from harness import Nova, eventually, inventory, inventory_at_rest, run, web_image
from survival import capsule, links

CAPSULE_SCRIPT = "httpd -f -p 80 -h /www & wait"


def bring_up(nova, number):
    """One network, image and capsule, of the same names in both; only the bridge's link and the addresses differ."""
    web_image(nova)
    (nova.project / "site/index.html").write_text(f"Nova number {number}\n")
    nova.novafile(f"""
project = "twin"
[network.lab]
subnet = "10.{number}.0.1/24"
dhcp_range = "10.{number}.0.50-10.{number}.0.150"
bridge = "lab{number}"
[image.web]
source = "images/web.tar"
[vm.off]
kernel = "images/vmlinuz"
memory = "64Mi"
autostart = false
""" + capsule("web", CAPSULE_SCRIPT, more='volumes = ["./site:/www:ro"]'))
    nova.run("up")


def check_works(nova, number):
    containers = nova.items("containers")
    assert set(containers) == {"web"} and set(nova.items("vms")) == {"off"}, containers
    assert containers["web"]["status"]["phase"] == "Running"
    assert containers["web"]["status"]["podIP"].startswith(f"10.{number}.0.")
    networks = json.loads(nova.out("net", "ls", "--output", "json"))["items"]
    assert [network["status"]["subnet"] for network in networks] == [f"10.{number}.0.0/24"]
    # Its name is known, and its page served, a moment after it began.
    page = eventually("its page", lambda: nova.out("exec", "container", "web", "--", "wget", "-q", "-O", "-", "http://web/"))
    assert page == f"Nova number {number}\n", page
    assert f"lab{number}" in links()


def check_no_address_twice(*novas):
    """Of links and capsules: on one external network they would meet."""
    plugs = [plug["mac"] for nova in novas for plug in nova.json("net", "ls")["items"][0]["status"]["attachments"]]
    bridges = [re.search(r"link/ether (\S+)", links()[name]).group(1) for name in ("lab71", "lab72")]
    macs = plugs + bridges
    assert len(set(macs)) == len(macs) >= 4, macs
    return True


@contextlib.contextmanager
def neighbour():
    other = Nova()
    try:
        yield other
    finally:
        other.close()


def test_two_novas_do_not_meet(nova):
    with neighbour() as other:
        before = inventory()
        bring_up(nova, 71)
        alone = inventory_at_rest()
        bring_up(other, 72)
        check_works(nova, 71)
        check_works(other, 72)
        eventually("both tell of their plugs", lambda: check_no_address_twice(nova, other))
        assert nova.daemon_pid() != other.daemon_pid() and nova.supervisor_pid() != other.supervisor_pid()
        assert "10.72." not in nova.out("events") and "10.71." not in other.out("events")

        # One looks at everything anew: it must not tidy the other away.
        nova.kill_daemon()
        check_works(nova, 71)
        check_works(other, 72)

        other.run("down")
        other.run("server", "stop")
        check_works(nova, 71)
        # The one that stays is as it was alone.
        left = eventually("the other left nothing", lambda: same(alone, inventory()))
        assert left
        nova.run("down")
        nova.run("server", "stop")
        assert eventually("both left nothing", lambda: same(before, inventory()))


def same(before, after):
    different = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
    assert not different, different
    return True


def check_is_refused(nova, section, words):
    """A second Nova that wants what the first one has is told so, and disturbs nothing."""
    with neighbour() as other:
        bring_up(nova, 71)
        web_image(other)
        other.novafile(f'project = "twin"\n{section}\n')
        up = other.run("up", check=False)
        assert up.returncode != 0 and words in up.stdout + up.stderr, up
        check_works(nova, 71)
        other.run("down")
        check_works(nova, 71)


def test_one_subnet_for_both_is_refused_by_the_second(nova):
    check_is_refused(nova, '[network.other]\nsubnet = "10.71.0.1/24"', "in use on this host")


def test_one_bridge_for_both_is_refused_by_the_second(nova):
    check_is_refused(nova, '[network.lab]\nsubnet = "10.72.0.1/24"\nbridge = "lab71"', "lab71")


run(globals())
