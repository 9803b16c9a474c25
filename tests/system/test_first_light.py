"""The main job: one NovaFile brings up a capsule, a machine and the network between them."""
import re

from harness import SOURCE, eventually, inventory, run, web_image

EXAMPLE = SOURCE / "examples/first-light/NovaFile"


def test_one_file_brings_up_capsule_machine_and_network(nova):
    before = inventory()
    web_image(nova)
    nova.novafile(EXAMPLE.read_text())
    assert "create Pod web" in nova.out("plan")
    up = nova.out("up")
    assert "up Pod web" in up and "up VirtualMachine probe" in up and "up Network lab" in up, up
    assert "nothing to do" in nova.out("plan")

    eventually("the machine printed the page", lambda: "First light" in nova.out("logs", "vm", "probe"), seconds=240, every=0.5)

    listed = nova.out("ls")
    assert "web" in listed and "probe" in listed and listed.count("Running") == 2, listed
    assert "Active" in nova.out("net", "ls")
    assert without_ages(nova.out("ls", "net")) == without_ages(nova.out("net", "ls"))
    assert "tcg" in nova.out("status") or "kvm" in nova.out("status")
    assert nova.out("exec", "container", "web", "--", "sh", "-c", "echo from $(hostname)") == "from web\n"
    address = nova.object("vm", "probe")["status"]["address"]
    assert address in nova.out("exec", "container", "web", "--", "nslookup", "probe"), "the capsule resolves the machine"
    assert address in nova.out("logs", "vm", "probe"), "the machine got by DHCP what Nova says it has"

    nova.run("stop", "vm", "probe")
    assert nova.object("vm", "probe")["status"]["phase"] == "Stopped"
    assert nova.object("vm", "probe")["status"]["exitCode"] == 0, "it heard the power button"
    nova.run("run", "vm", "probe")
    assert nova.object("vm", "probe")["status"]["phase"] == "Running"

    follower = nova.start("logs", "container", "web", "--follow")
    assert nova.out("exec", "container", "web", "--", "wget", "-q", "-O", "-", "http://web/") == "First light\n"
    own = nova.object("container", "web")["status"]["podIP"]
    eventually("the capsule logged it", lambda: f"{own}]:" in nova.out("logs", "container", "web"))
    nova.run("stop", "container", "web")  # With which the log ends.
    followed, _ = follower.communicate(timeout=120)
    assert followed == nova.out("logs", "container", "web") and f"{address}]:" in followed and f"{own}]:" in followed, followed

    nova.run("down", timeout=180)
    assert nova.out("ls").count("\n") == 1
    nova.run("server", "stop")
    after = eventually("everything is as before", lambda: same(before, inventory()))
    assert after


def without_ages(table):
    """The last column grows between two readings."""
    shorter = re.sub(r" +\d+[smhd]\w*$", "", table, flags=re.MULTILINE)
    assert shorter != table, table
    return shorter


def same(before, after):
    different = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
    assert not different, different
    return True


run(globals())
