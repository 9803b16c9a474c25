"""AppArmor's and SELinux's labels, in guests with Debian's kernel, which has both: a container's program really is confined by them,
and nobody inside can lead the write of a label astray."""
import copy
import json
import subprocess

from guest import NB_OF_CASES, RUN_CASES, Machine, install, install_all, install_busybox, pack, run_cases, write_cases, write_init, write_modules
from harness import BUILD, IMAGES, SOURCE, run

NB = BUILD / "src/apps/nb/nb"
OUTSIDE = "/bundles/outside"

PROFILE = """
profile nb-test flags=(attach_disconnected, mediate_deleted) {
  file,
  capability,
  network,
  mount,
  umount,
  pivot_root,
  signal,
  ptrace,
  unix,
  deny /etc/secret rw,
}
"""
LOAD_PROFILE = """
mount -t securityfs securityfs /sys/kernel/security
apparmor_parser --skip-cache --replace /profile || echo "guest: no profile"
"""
LOAD_POLICY = """
mount -t selinuxfs selinuxfs /sys/fs/selinux
dd if=/policy of=/sys/fs/selinux/load bs=1M 2>/dev/null || dmesg | grep SELinux | sed 's/^/guest: /'
echo 1 >/sys/fs/selinux/enforce
"""

LOOK = "cat /proc/self/attr/current; cat /etc/plain /etc/secret || true"
LOOK_AT_VERSION = "cat /proc/self/attr/current; echo; cat /proc/version >/dev/null && echo seen; cat /labelled/file; true"
# The container whose mount namespace others join has a /proc of its own making, in which writes of labels go to plain files.
FAKE_PROC = """
mount -t tmpfs fake /proc; mkdir -p /proc/self/attr/apparmor; touch /proc/self/attr/exec /proc/self/attr/apparmor/exec
echo ready >/ready; exec sleep 1000
"""
JOIN = """
    nb run --detach --bundle /bundles/outside outside
    until [ -e /bundles/outside/rootfs/ready ]; do sleep 0.1; done
    mkdir -p /bundles/outside/rootfs$bundle; cp -a $bundle/. /bundles/outside/rootfs$bundle
    touch /tmp/joined; mount --bind /proc/$(nb state outside | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')/ns/mnt /tmp/joined
    nb run --bundle $bundle $id >/tmp/out 2>&1 || true
    umount /tmp/joined; cat /tmp/out
    grep -a "$label" /tmp/out; fails grep -x "$hidden" /tmp/out
    nb delete --force outside
    """


def config_of(script, changes):
    """What `nb spec` writes, with a program that looks at its label, and some changes of process, linux or mounts."""
    def change(config):
        config["root"] = {"path": "rootfs", "readonly": False}
        config["process"] |= {"terminal": False, "args": ["sh", "-c", script]} | changes.get("process", {})
        config["linux"] |= changes.get("linux", {})
        config["mounts"] += changes.get("mounts", [])
        if script == FAKE_PROC:
            for kind in config["process"]["capabilities"].values():
                kind.append("CAP_SYS_ADMIN")
            config["linux"].pop("seccomp", None)  # It forbids mounts.
        if "join" in changes:  # The other one sees no cgroup of ours.
            config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
        for space in config["linux"]["namespaces"]:
            if space["type"] == "mount" and "join" in changes:
                space["path"] = changes["join"]
        return config
    return change


CONFINED = {"process": {"apparmorProfile": "nb-test"}}
APPARMOR = {
    "without_a_profile": (config_of(LOOK, {}), """
        [ "$(nb run --bundle $bundle $id)" = "$(printf 'unconfined\\nplain\\nsecret')" ]
        """),
    "with_a_profile": (config_of(LOOK, CONFINED), """
        nb run --bundle $bundle $id >/tmp/out 2>/tmp/words
        [ "$(cat /tmp/out)" = "$(printf 'nb-test (enforce)\\nplain')" ]; grep 'secret.*Permission denied' /tmp/words
        """),
    "with_new_privileges": (config_of(LOOK, {"process": {"apparmorProfile": "nb-test", "noNewPrivileges": False}}), """
        [ "$(nb run --bundle $bundle $id 2>/dev/null)" = "$(printf 'nb-test (enforce)\\nplain')" ]
        """),
    "exec_follows": (config_of("exec sleep 1000", CONFINED), """
        nb run --detach --bundle $bundle $id
        [ "$(nb exec $id cat /proc/self/attr/current)" = "nb-test (enforce)" ]; fails nb exec $id cat /etc/secret
        """),
    "exec_has_its_own": (config_of("exec sleep 1000", {}), """
        nb run --detach --bundle $bundle $id
        nb exec $id cat /etc/secret; fails nb exec --apparmor nb-test $id cat /etc/secret
        """),
    "exec_is_not_led_astray_by_who_is_entered": (config_of(FAKE_PROC, CONFINED), """
        nb run --detach --bundle $bundle $id
        until [ -e $bundle/rootfs/ready ]; do sleep 0.1; done
        [ "$(nb exec $id cat /proc/self/attr/exec /etc/plain)" = plain ]; fails nb exec $id cat /etc/secret
        """),
    "a_profile_that_nobody_loaded": (config_of(LOOK, {"process": {"apparmorProfile": "nosuch"}}), """
        code=0; nb run --bundle $bundle $id 2>/tmp/words || code=$?
        [ $code = 1 ]; grep process.apparmorProfile /tmp/words; [ $(grep -vc '^+' /tmp/words) = 1 ]; [ ! -e /run/nb/$id ]; [ ! -e $group ]
        """),
    "a_label_is_not_led_astray_by_the_image": (config_of(LOOK, CONFINED | {"mounts": [
        {"destination": "/proc/self/attr", "type": "tmpfs", "source": "tmpfs"}]}), """
        nb run --bundle $bundle $id >/tmp/out 2>&1 || true
        fails grep -x secret /tmp/out
        """),
    "a_label_is_not_led_astray_by_who_is_joined": (config_of(LOOK, CONFINED | {"join": "/tmp/joined"}), "label='nb-test (enforce)' hidden=secret" + JOIN),
}

BOXED = {"process": {"selinuxLabel": "u:r:boxed_t"}}
LABELLED = {"destination": "/labelled", "type": "tmpfs", "source": "tmpfs"}
SELINUX = {
    "without_a_label": (config_of(LOOK_AT_VERSION, {}), """
        nb run --bundle $bundle $id >/tmp/out 2>/dev/null
        [ "$(head -n 2 /tmp/out | tr -d '\\0')" = "$(printf 'u:r:host_t\\nseen')" ]
        """),
    "with_a_label": (config_of(LOOK_AT_VERSION, BOXED), """
        nb run --bundle $bundle $id >/tmp/out 2>/tmp/words
        [ "$(tr -d '\\0' </tmp/out)" = "u:r:boxed_t" ]; grep 'version.*Permission denied' /tmp/words
        """),
    "mounts_have_their_label": (config_of("echo mine >/labelled/file; cat /labelled/file", {
        "linux": {"mountLabel": "u:object_r:secret_t"}, "mounts": [LABELLED]}), """
        [ "$(nb run --bundle $bundle $id)" = mine ]
        """),
    "mounts_are_shut_by_their_label": (config_of("echo mine >/labelled/file; cat /labelled/file", BOXED | {
        "linux": {"mountLabel": "u:object_r:secret_t"}, "mounts": [LABELLED]}), """
        nb run --bundle $bundle $id >/tmp/out 2>/tmp/words || true
        [ ! -s /tmp/out ]; grep 'Permission denied' /tmp/words
        """),
    "exec_follows": (config_of("exec sleep 1000", BOXED), """
        nb run --detach --bundle $bundle $id
        [ "$(nb exec $id cat /proc/self/attr/current | tr -d '\\0')" = u:r:boxed_t ]; fails nb exec $id cat /proc/version
        """),
    "a_label_that_the_policy_does_not_know": (config_of("true", {"process": {"selinuxLabel": "u:r:nosuch_t"}}), """
        code=0; nb run --bundle $bundle $id 2>/tmp/words || code=$?
        [ $code = 1 ]; grep process.selinuxLabel /tmp/words; [ $(grep -vc '^+' /tmp/words) = 1 ]; [ ! -e /run/nb/$id ]; [ ! -e $group ]
        """),
    "a_label_is_not_led_astray_by_who_is_joined": (config_of(LOOK_AT_VERSION, BOXED | {"join": "/tmp/joined"}), "label=u:r:boxed_t hidden=seen" + JOIN),
}


def make_guest(nova, cases, prepare):
    root = nova.root / "guest"
    install_busybox(root)
    install(NB, root)
    install_all(root, ["mount"])
    write_modules(root / "lib/modules", ())
    subprocess.run([NB, "spec", "--bundle", nova.project], check=True)
    spec = json.loads((nova.project / "config.json").read_text())
    for name, (change, _) in (cases | {"outside": (config_of(FAKE_PROC, {}), "")}).items():
        bundle = root / "bundles" / name
        install_busybox(bundle / "rootfs")
        (bundle / "rootfs/etc").mkdir()
        for word in ("plain", "secret"):
            (bundle / "rootfs/etc" / word).write_text(f"{word}\n")
        (bundle / "config.json").write_text(json.dumps(change(copy.deepcopy(spec))))
    write_cases(root / "cases", {name: script for name, (_, script) in cases.items()}, NB_OF_CASES)
    write_init(root, prepare + RUN_CASES)
    return root


def test_apparmor_confines(nova):
    root = make_guest(nova, APPARMOR, LOAD_PROFILE)
    install_all(root, ["apparmor_parser"])
    (root / "profile").write_text(PROFILE)
    run_cases(APPARMOR, Machine(IMAGES / "vmlinuz", pack(root, nova.root / "guest.initramfs")))


def test_selinux_confines(nova):
    root = make_guest(nova, SELINUX, LOAD_POLICY)
    subprocess.run(["secilc", "-c", "33", "-o", root / "policy", "-f", "/dev/null", SOURCE / "tests/system/labels.cil"], check=True)
    run_cases(SELINUX, Machine(IMAGES / "vmlinuz", pack(root, nova.root / "guest.initramfs"), words="security=selinux"))


run(globals())
