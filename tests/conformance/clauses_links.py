"""config-linux.md#network-devices: links that are moved into the container."""
import json
import os
import subprocess

from suite import SHOULD, clause, equal, expect

LINKS = "config-linux.md#network-devices"
OPTIONS = {"since": "1.3.0", "needs": ("virtual links",)}


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


def link(c, name=None):
    """A link, in the suite's own network namespace, with a name of this test's; its peer stays there."""
    name = name or "d" + c.id.replace("-", "")[-8:]
    subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)
    ip("link", "add", "name", name, "type", "veth", "peer", "name", name + "p")
    ip("link", "set", name + "p", "up")
    return name


def inside(c, pid, *words):
    done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-json", *words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout or "[]")


def present(name):
    return subprocess.run(["ip", "link", "show", name], capture_output=True, check=False).returncode == 0


@clause(LINKS, **OPTIONS)
def a_link_is_moved_into_the_container(c):
    """A listed link is in the container's network namespace under its own name, and no longer outside."""
    name = link(c)
    c.linux["netDevices"] = {name: {}}
    pid = c.up()
    equal([entry["ifname"] for entry in inside(c, pid, "link") if entry["ifname"] != "lo"], [name])
    expect(not present(name), "it is still outside")


@clause(LINKS, **OPTIONS)
def a_link_gets_the_name_that_is_given(c):
    """name is the link's name inside."""
    c.linux["netDevices"] = {link(c): {"name": "inside0"}}
    pid = c.up()
    equal([entry["ifname"] for entry in inside(c, pid, "link") if entry["ifname"] != "lo"], ["inside0"])


@clause(LINKS, **OPTIONS)
def a_moved_link_is_up(c):
    """A link is set up after it is moved."""
    c.linux["netDevices"] = {link(c): {"name": "inside0"}}
    expect("UP" in inside(c, c.up(), "link", "show", "inside0")[0]["flags"])


@clause(LINKS, **OPTIONS)
def a_moved_link_keeps_its_addresses(c):
    """Permanent addresses of global scope are kept, of any family."""
    name = link(c)
    ip("addr", "add", "192.0.2.7/28", "dev", name)
    ip("addr", "add", "2001:db8::7/64", "dev", name)
    c.linux["netDevices"] = {name: {}}
    found = {(entry["local"], entry["prefixlen"]) for entry in inside(c, c.up(), "addr", "show", name)[0]["addr_info"]}
    expect({("192.0.2.7", 28), ("2001:db8::7", 64)} <= found, found)


@clause(LINKS, **OPTIONS)
def a_moved_link_keeps_its_attributes(c):
    """What a link has of its own, as its MTU and hardware address, is kept."""
    name = link(c)
    ip("link", "set", name, "mtu", "1333", "address", "02:00:00:12:34:56")
    c.linux["netDevices"] = {name: {"name": "inside0"}}
    found = inside(c, c.up(), "link", "show", "inside0")[0]
    equal((found["mtu"], found["address"]), (1333, "02:00:00:12:34:56"))


@clause(LINKS, **OPTIONS)
def a_link_is_moved_into_a_namespace_that_is_joined(c):
    """Where the container joins a network namespace, its links are moved there, and outlive it."""
    name = link(c)
    holder = c.child("unshare", "--net", "sleep", "1000")
    c.eventually("the namespace is there", lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
    c.unshare("network", f"/proc/{holder.pid}/ns/net")
    c.linux["netDevices"] = {name: {"name": "inside0"}}
    equal([entry["ifname"] for entry in inside(c, c.up(), "link") if entry["ifname"] != "lo"], ["inside0"])
    c.delete(force=True)
    equal(inside(c, holder.pid, "link", "show", "inside0")[0]["ifname"], "inside0")


@clause(LINKS, **OPTIONS)
def a_link_that_is_not_there_is_refused(c):
    """A link that can't be moved, as it is not there, is an error."""
    c.linux["netDevices"] = {"nosuchlink0": {}}
    c.refuses()


@clause(LINKS, **OPTIONS)
def a_name_that_is_taken_is_refused(c):
    """A name that another link in the container has is an error, and the link stays where it is."""
    name = link(c)
    c.linux["netDevices"] = {name: {"name": "lo"}}
    c.refuses()
    expect(present(name), "the link is gone")


@clause(LINKS, **OPTIONS)
def a_template_gets_a_number_of_the_kernels(c):
    """A name that ends with %d is one of which the kernel makes a unique name."""
    c.linux["netDevices"] = {link(c): {"name": "nic%d"}}
    pid = c.up()
    found = [entry["ifname"] for entry in inside(c, pid, "link") if entry["ifname"] != "lo"]
    expect(len(found) == 1 and found[0].startswith("nic") and found[0][3:].isdigit(), found)


@clause(LINKS, SHOULD, **OPTIONS)
def a_link_that_is_moved_without_a_namespace_is_refused(c):
    """Without a network namespace of its own the container has nowhere to move a link to."""
    name = link(c)
    c.share("network")
    c.linux["netDevices"] = {name: {}}
    c.refuses()
    expect(present(name))
