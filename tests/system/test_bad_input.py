"""What bad input gets: a place, a reason, exit code 6, and nothing made."""
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile

from harness import CAPSULE, IMAGES, alive, below, eventually, run, web_image

CONFIGURATION = 6

# What is wrong: (the file, the field path that is told, words that are told)
BAD_FILES = {
    "unknown key": ('[container.web]\ncapsule = "web"\ncapsul = "x"\n', "container.web.capsul", "did you mean"),
    "unknown section": ('[contaner.web]\ncapsule = "web"\n', "contaner", "container"),
    "wrong type": ('[vm.probe]\nkernel = "there"\ncpu = "two"\n', "vm.probe.cpu", ""),
    "bad size": ('[vm.probe]\nkernel = "there"\nmemory = "256 bananas"\n', "vm.probe.memory", "256 bananas"),
    "bad address": ('[network.lab]\nsubnet = "10.88.0.300/24"\n', "network.lab.subnet", "10.88.0.300/24"),
    "address of the host itself": ('[network.lab]\nsubnet = "127.0.0.1/24"\n', "network.lab.subnet", "reserved"),
    "address outside": ('[network.lab]\nsubnet = "10.88.0.1/24"\ndhcp_range = "10.99.0.5-10.99.0.9"\n', "network.lab.dhcp_range", ""),
    "more memory than there is anywhere": ('[vm.probe]\nkernel = "there"\nmemory = "99999Ti"\n', "vm.probe.memory", "at most 16Ti"),
    "addresses that nobody serves": ('[network.lab]\nsubnet = "169.254.1.1/24"\n', "network.lab.subnet", "reserved"),
    "bridge that is the loopback": ('[network.lab]\nbridge = "lo"\n', "network.lab.bridge", "lo"),
    "bridge's name too long": ('[network.lab]\nbridge = "sixteen-letters-"\n', "network.lab.bridge", "15"),
    "bridge's name with a slash": ('[network.lab]\nbridge = "../../lab"\n', "network.lab.bridge", "/"),
    "one bridge twice": ('[network.a]\nbridge = "br0"\n[network.b]\nbridge = "br0"\n', "network.b.bridge", "network.a"),
    "overlapping subnets": ('[network.a]\nsubnet = "10.88.0.1/16"\n[network.b]\nsubnet = "10.88.3.1/24"\n', "network.b.subnet", "network.a"),
    "network not defined": ('[network.lab]\nsubnet = "10.88.0.1/24"\n[container.web]\ncapsule = "web"\nnetwork = "lap"\n', "container.web.network", "lab"),
    "machine's network not defined": ('[vm.probe]\nkernel = "there"\nnetwork = "lab"\n', "vm.probe.network", "[network.lab]"),
    "two ports the same": ('[network.lab]\nsubnet = "10.88.0.1/24"\n[container.a]\ncapsule = "web"\nnetwork = "lab"\nports = ["8080:80"]\n'
                           '[container.b]\ncapsule = "web"\nnetwork = "lab"\nports = ["8080:81"]\n', "container.b.ports[0]", "8080"),
    "bad port": ('[network.lab]\nsubnet = "10.88.0.1/24"\n[container.a]\ncapsule = "web"\nnetwork = "lab"\nports = ["80800:80"]\n', "container.a.ports[0]", "80800"),
    "missing image": ('[image.web]\nsource = "images/none.tar"\n', "image.web.source", "none.tar"),
    "missing kernel": ('[vm.probe]\nkernel = "none/vmlinuz"\n', "vm.probe.kernel", "none/vmlinuz"),
    "kernel that is a directory": ('[vm.probe]\nkernel = "."\n', "vm.probe.kernel", "directory"),
    "kernel that is none": ('[vm.probe]\nkernel = "garbage"\n', "vm.probe.kernel", "no kernel"),
    "kernel that was cut short": ('[vm.probe]\nkernel = "half"\n', "vm.probe.kernel", "cut short"),
    "missing initramfs": ('[vm.probe]\nkernel = "there"\ninitramfs = "none.cpio"\n', "vm.probe.initramfs", "none.cpio"),
    "missing volume": ('[container.web]\ncapsule = "web"\nvolumes = ["./none:/www"]\n', "container.web.volumes[0]", "none"),
    "name that is no DNS label": ('[container.Web_1]\ncapsule = "web"\n', "container.Web_1", "DNS label"),
    "project's name": ('project = "Not A Label"\n', "project", "DNS label"),
    "no TOML": ("this is { no TOML\n", "", ""),
    "a table left open": ("[container.web\ncapsule = 1\n", "", ""),
    "the same key twice": ('[container.web]\ncapsule = "a"\ncapsule = "b"\n', "", ""),
}


def links():
    return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout


def test_a_bad_file_is_refused_at_its_place_and_makes_nothing(nova):
    kernel = (IMAGES / "vmlinuz").read_bytes()
    (nova.project / "there").write_bytes(kernel)
    (nova.project / "half").write_bytes(kernel[:len(kernel) // 2])
    (nova.project / "garbage").write_bytes(b"this is no kernel at all" * 1000)
    links_before = links()
    wrong = []
    for what, (text, field, words) in BAD_FILES.items():
        nova.novafile('# The first line is none of the matter.\n' + text)
        for command in ("up", "plan"):
            done = nova.run(command, check=False)
            place = re.search(r"NovaFile:(\d+):(\d+)", done.stderr)
            if done.returncode != CONFIGURATION or not place or int(place[1]) < 2 or field not in done.stderr or words not in done.stderr:
                wrong.append(f"{what}: nova {command}: exit {done.returncode}: {done.stderr}")
            if done.stdout:
                wrong.append(f"{what}: nova {command} prints {done.stdout!r}")
    assert not wrong, "\n".join(wrong)
    assert not (nova.root / "run/nova.sock").exists(), "no daemon was started for it"
    assert not (nova.root / "state").exists(), "nothing was written for it"
    assert links() == links_before
    for kind in ("net", "image", "vm", "container"):
        assert nova.items(kind) == {}


def test_a_file_too_large_to_be_one_is_refused(nova):
    nova.novafile("# " + "x" * (1 << 20) + "\n")
    for command in ("up", "plan", "down"):
        done = nova.run(command, check=False)
        assert done.returncode == CONFIGURATION and "NovaFile: " in done.stderr and "1 MiB" in done.stderr, (command, done)
    nova.novafile("# " + "x" * ((1 << 20) - 3) + "\n")
    assert nova.run("plan").returncode == 0


def test_a_link_that_is_in_the_way_is_told_as_what_the_file_asks_for_too_much(nova):
    web_image(nova)
    subprocess.run(["ip", "link", "add", "inway", "type", "veth", "peer", "name", "inway-far"], check=True)
    nova.novafile('[network.lab]\nsubnet = "10.88.0.1/24"\nbridge = "inway"\n')
    done = nova.run("up", check=False)
    assert done.returncode == CONFIGURATION, (done.returncode, done.stdout, done.stderr)
    assert re.search(r"^nova: NovaFile:1:10: network.lab: .*veth.*inway", done.stderr, re.MULTILINE), done.stderr
    assert "failed Network lab: " in done.stdout, done.stdout
    ready = nova.object("net", "lab")["status"]["conditions"][0]
    assert ready["reason"] == "HostConflict" and ready["status"] == "False", ready
    assert "inway" in links() and "inway" in nova.out("status"), "whose it is keeps it, and status tells"
    nova.novafile('[network.lab]\nsubnet = "10.88.0.1/24"\nbridge = "free"\n')
    assert "up Network lab" in nova.out("up")
    assert " free: " in links() and " inway@" in links(), links()
    subprocess.run(["ip", "link", "del", "inway"], check=True)


def test_an_image_that_nobody_has_is_refused_before_anything_is_made(nova):
    nova.novafile('[network.lab]\nsubnet = "10.88.0.1/24"\n[container.a]\ncapsule = "nosuch"\nnetwork = "lab"\n')
    done = nova.run("up", check=False)
    assert done.returncode == CONFIGURATION, done
    assert "container.a.capsule" in done.stderr and "nosuch" in done.stderr and "image import" in done.stderr, done.stderr
    for kind in ("net", "image", "container"):
        assert nova.items(kind) == {}


def test_every_fault_of_a_file_is_told_at_once_and_in_its_order(nova):
    nova.novafile('[vm.probe]\ncpu = "two"\nmemory = "lots"\n[network.lab]\nsubnet = "10.0.0.0/99"\n')
    told = nova.run("up", check=False).stderr
    found = [int(line) for line in re.findall(r"NovaFile:(\d+):", told)]
    assert found == [2, 3, 5], told


def test_a_missing_novafile_says_what_to_do(nova):
    done = nova.run("up", check=False)
    assert done.returncode == CONFIGURATION and "NovaFile" in done.stderr and "--file" in done.stderr, done.stderr
    done = nova.run("up", "--file", "other/NovaFile", check=False)
    assert done.returncode == CONFIGURATION and "other/NovaFile" in done.stderr, done.stderr


def test_up_that_fails_half_way_says_what_is_up_and_goes_on_when_it_is_repaired(nova):
    web_image(nova)
    text = CAPSULE + '[container.bad]\ncapsule = "web"\nnetwork = "lab"\ncommand = ["COMMAND", "1000"]\n'
    nova.novafile(text.replace("COMMAND", "/bin/nosuch"))
    done = nova.told_by_up("up Pod web", "up Network lab")
    assert re.search(r"failed Pod bad: .+", done.stdout), done.stdout
    assert "the next 'nova up' goes on from here" in done.stderr, done.stderr
    pid = nova.pid_of("container", "web")

    nova.novafile(text.replace("COMMAND", "/bin/sleep"))
    up = nova.out("up")
    assert "up Pod bad" in up and "up Pod web" in up, up
    assert nova.pid_of("container", "web") == pid and alive(pid), "what was up stayed up"


SECOND = """
project = "second"
[network.second]
subnet = "10.89.0.1/24"
[image.again]
source = "images/web.tar"
[container.early]
capsule = "again"
network = "second"
[container.middle]
capsule = "again"
network = "second"
ports = ["8080:80"]
[vm.late]
memory = "64Mi"
kernel = "images/vmlinuz"
"""


def test_up_that_is_refused_half_way_says_what_was_never_made_and_goes_on_when_it_may(nova):
    web_image(nova)
    nova.novafile(CAPSULE + 'ports = ["8080:80"]\n')
    nova.run("up")
    nova.novafile(SECOND, "Second")
    done = nova.told_by_up("up Pod early", "up Network second", file="Second", code=CONFIGURATION)
    lines = done.stdout.splitlines()
    assert any(re.match(r"not made Pod middle: .*8080", line) for line in lines), done.stdout
    assert "not made VirtualMachine late: not tried after Pod middle" in lines, done.stdout
    assert "8080" in done.stderr and "the next 'nova up' goes on from here" in done.stderr, done.stderr

    pid = nova.pid_of("container", "early")
    nova.run("rm", "container", "web")
    up = nova.out("up", "--file", "Second")
    for what in ("Pod early", "Pod middle", "VirtualMachine late", "Network second"):
        assert f"up {what}\n" in up, up
    assert nova.pid_of("container", "early") == pid


def test_a_broken_image_is_refused_at_its_place_before_anything_is_made(nova):
    web_image(nova)
    (nova.project / "broken.tar").write_bytes(b"this is no archive at all" * 100)
    links_before = links()
    broken = '[image.broken]\nreference = "lib/broken:1"\nsource = "broken.tar"\n[container.bad]\ncapsule = "broken"\nnetwork = "lab"\n'
    nova.novafile(CAPSULE + broken)
    done = nova.run("up", check=False)
    line = (CAPSULE + broken).splitlines().index('source = "broken.tar"') + 1
    assert done.returncode == CONFIGURATION, (done.returncode, done.stdout, done.stderr)
    assert re.search(rf"NovaFile:{line}:\d+: image.broken.source: .*broken.tar", done.stderr), done.stderr
    assert done.stdout == "" and links() == links_before
    for kind in ("net", "image", "vm", "container"):
        assert nova.items(kind) == {}, kind
    assert not list((nova.root / "state/images/blobs/sha256").iterdir()), "the good image beside it is not kept either"

    nova.novafile(CAPSULE)  # A project that is up stays so, and what the refused file would have taken away too.
    nova.run("up")
    pid = nova.pid_of("container", "web")
    before = {name: item["spec"] for name, item in nova.items("image").items()}
    nova.novafile(CAPSULE.replace("images/web.tar", "broken.tar"), "Changed")
    nova.novafile(CAPSULE.split("[container.web]", maxsplit=1)[0] + '[image.broken]\nsource = "broken.tar"\n', "Smaller")
    for name in ("Changed", "Smaller"):
        done = nova.run("up", "--file", name, check=False)
        assert done.returncode == CONFIGURATION and "source: " in done.stderr, (name, done)
        assert "up Pod web\n" in done.stdout and "up Network lab\n" in done.stdout, (name, done.stdout)
        assert {name: item["spec"] for name, item in nova.items("image").items()} == before
        assert nova.pid_of("container", "web") == pid and alive(pid)
    assert "up Pod web" in nova.out("up")


def test_an_image_that_failed_is_tried_again_by_the_next_up(nova):
    web_image(nova)
    own = nova.project / "own.tar"
    own.write_bytes(b"this is no archive at all" * 100)
    nova.novafile(CAPSULE.replace("images/web.tar", "own.tar"))
    nova.run("up", "--no-wait")
    eventually("it failed", lambda: nova.object("image", "web-latest")["status"]["phase"] == "Failed")
    assert nova.run("up", check=False).returncode == CONFIGURATION
    own.write_bytes((IMAGES / "web.tar").read_bytes())
    assert "up Pod web" in nova.out("up")


def test_a_volume_whose_path_is_gone_is_told_and_comes_up_when_it_is_back(nova):
    web_image(nova)
    (nova.project / "data").mkdir()
    nova.novafile(CAPSULE)
    nova.run("up")
    pid = nova.pid_of("container", "web")
    nova.novafile(CAPSULE + '[container.other]\ncapsule = "web"\nvolumes = ["./data:/data"]\n')
    nova.run("up", "--no-wait")
    eventually("it runs", lambda: nova.object("container", "other")["status"]["phase"] == "Running")
    nova.run("stop", "container", "other", "--timeout", "30")
    (nova.project / "data").rmdir()
    done = nova.run("start", "container", "other", check=False)
    assert done.returncode != 0 and str(nova.project / "data") in done.stderr, (done.returncode, done.stderr)
    (nova.project / "data").mkdir()
    assert "up Pod other" in nova.out("up")
    assert nova.pid_of("container", "web") == pid


def test_a_subnet_that_another_project_has_is_refused_before_anything_is_made(nova):
    web_image(nova)
    nova.novafile(CAPSULE)
    nova.run("up")
    other = CAPSULE.replace('"test"', '"other"').replace("network.lab", "network.second").replace('"lab"', '"second"')
    other = other.replace("container.web", "container.second").replace("[image.web]", '[image.again]\nreference = "again:1"')
    other = other.replace('capsule = "web"', 'capsule = "again"')
    nova.novafile(other, "Other")
    done = nova.run("up", "--file", "Other", check=False)
    assert done.returncode == CONFIGURATION and "Network second" in done.stderr and "spec.subnet" in done.stderr, (done.returncode, done.stdout, done.stderr)
    assert "10.88.0.1/24" in done.stderr and "lab" in done.stderr, done.stderr
    assert nova.object("container", "web")["status"]["phase"] == "Running"
    assert set(nova.items("image")) == {"web-latest"} and set(nova.items("net")) == {"lab"}, "nothing of the refused file was made"
    nova.novafile(other.replace("10.88.", "10.89."), "Other")
    up = nova.out("up", "--file", "Other")
    assert "up Pod second" in up and "up Network second" in up, up


# Archives


def add(tar, name, data=b"", **fields):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    for field, value in fields.items():
        setattr(entry, field, value)
    tar.addfile(entry, io.BytesIO(data))


def layer_with(**fields):
    """A layer with an honest file and one entry more."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        add(tar, "etc/good", b"good")
        add(tar, **fields)
    return stream.getvalue()


def oci_archive(path, layer, spoil=None):
    """An OCI layout in a tar. spoil(blobs by digest, digest of the layer) may change what is written under which digest."""
    blobs = {}

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}
    base = "application/vnd.oci.image."
    descriptor = blob(layer, base + "layer.v1.tar")
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/etc/good"]},
                              "rootfs": {"type": "layers", "diff_ids": [descriptor["digest"]]}}).encode(), base + "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": base + "manifest.v1+json", "config": config, "layers": [descriptor]}).encode(),
                    base + "manifest.v1+json")
    if spoil:
        spoil(blobs, descriptor["digest"].removeprefix("sha256:"))
    with tarfile.open(path, "w") as tar:
        add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        for digest, data in blobs.items():
            add(tar, "blobs/sha256/" + digest, data)


def wrong_byte(blobs, digest):
    blobs[digest] = blobs[digest][:-1] + b"x"


def lost(blobs, digest):
    del blobs[digest]


def tree(path):
    return sorted((str(entry.relative_to(path)), entry.stat().st_size if entry.is_file() else 0) for entry in below(path))


def corrupt_archives(directory):
    """Name: (file, what the refusal names)."""
    made = {}

    def archive(name, layer, told, spoil=None):
        made[name] = (directory / f"{name}.tar", told)
        oci_archive(made[name][0], layer, spoil)
    archive("dotdot", layer_with(name="etc/../../../escaped", data=b"x"), "escaped")
    archive("absolute", layer_with(name="/escaped", data=b"x"), "/escaped")
    archive("hardlink", layer_with(name="etc/link", type=tarfile.LNKTYPE, linkname="../../../../etc/passwd"), "etc/link")
    archive("hardlink-absolute", layer_with(name="etc/link", type=tarfile.LNKTYPE, linkname="/etc/passwd"), "etc/link")
    archive("wrong-digest", layer_with(name="a", data=b"x"), "sha256:", wrong_byte)
    archive("lost-blob", layer_with(name="a", data=b"x"), "sha256:", lost)
    whole = (IMAGES / "web.tar").read_bytes()
    made["truncated"] = (directory / "truncated.tar", "truncated.tar")
    made["truncated"][0].write_bytes(whole[:len(whole) // 2])
    made["empty"] = (directory / "empty.tar", "empty.tar")
    made["empty"][0].write_bytes(b"")
    return made


def test_a_corrupt_archive_is_refused_and_leaves_nothing(nova):
    nova.run("ls")
    (nova.project / "archives").mkdir()
    oci_archive(nova.project / "good.tar", layer_with(name="a", data=b"x"))
    nova.run("image", "import", "good.tar", "good")
    nova.run("image", "rm", "good")
    passwd = os.stat("/etc/passwd").st_nlink
    store = nova.root / "state/images"
    before = tree(store)
    wrong = []
    for name, (path, told) in corrupt_archives(nova.project / "archives").items():
        done = nova.run("image", "import", path, name, check=False)
        if done.returncode != CONFIGURATION or told not in done.stderr:
            wrong.append(f"{name}: exit {done.returncode}, wanted {told!r}: {done.stderr}{done.stdout}")
        if tree(store) != before:
            wrong.append(f"{name} left {set(tree(store)) ^ set(before)}")
            before = tree(store)
    assert not wrong, "\n".join(wrong)
    assert nova.items("image") == {}
    assert not [path for path in below(nova.root) if path.name == "escaped"] and not os.path.exists("/escaped")
    assert os.stat("/etc/passwd").st_nlink == passwd


def test_a_corrupt_archive_of_a_novafile_is_told_and_leaves_nothing(nova):
    nova.run("ls")
    (nova.project / "archives").mkdir()
    store = nova.root / "state/images"
    before = tree(store)
    for name, (path, told) in corrupt_archives(nova.project / "archives").items():
        nova.novafile(f'project = "test"\n[image.it]\nsource = "{path}"\n')
        done = nova.run("up", check=False)
        assert done.returncode == CONFIGURATION, (name, done)
        assert "NovaFile:3:1: image.it.source: " in done.stderr and told in done.stderr, (name, done.stderr)
        assert nova.items("image") == {} and tree(store) == before, name
    assert not [path for path in below(nova.root) if path.name == "escaped"] and not os.path.exists("/escaped")


run(globals())
