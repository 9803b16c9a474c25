"""config-linux.md: sysctl, propagation, masked and read-only paths, labels, memory policy, Intel RDT."""
import os
import pathlib
import stat
import subprocess

from bundle import capability_sets
from suite import add, clause, equal, expect

SYSCTL, PROPAGATION = "config-linux.md#sysctl", "config-linux.md#rootfs-mount-propagation"
MASKED, READONLY = "config-linux.md#masked-paths", "config-linux.md#readonly-paths"
RDT, POLICY = "config-linux.md#intelrdt", "config-linux.md#memory-policy"


@clause(SYSCTL)
def sysctls_are_set_in_the_containers_namespaces(c):
    """sysctl sets parameters of the container's own namespaces, and not the host's."""
    outside = pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text()
    c.linux["sysctl"] = {"net.ipv4.ip_forward": "0" if outside.strip() == "1" else "1", "kernel.msgmax": "4097", "net.core.somaxconn": "257"}
    found = c.inside("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/core/somaxconn").split()
    equal(found, [c.linux["sysctl"]["net.ipv4.ip_forward"], "4097", "257"])
    equal(pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text(), outside)


@clause(SYSCTL)
def sysctls_may_be_written_with_slashes(c):
    """A parameter's name may be written with slashes, so that names of links may have dots."""
    c.linux["sysctl"] = {"net/ipv4/ip_default_ttl": "77"}
    equal(c.inside("cat /proc/sys/net/ipv4/ip_default_ttl"), "77")


@clause(SYSCTL)
def an_unknown_sysctl_is_refused(c):
    """A parameter that is not there is an error."""
    c.linux["sysctl"] = {"net.ipv4.of_nobody": "1"}
    c.refuses()


@clause(SYSCTL)
def a_sysctl_of_the_whole_host_is_refused(c):
    """A parameter that no namespace of the container's holds is an error, and not changed."""
    place = pathlib.Path("/proc/sys/kernel/printk_ratelimit")
    before = place.read_text()
    c.linux["sysctl"] = {"kernel.printk_ratelimit": "77"}
    c.refuses()
    equal(place.read_text(), before)


@clause(SYSCTL)
def a_network_sysctl_without_a_network_namespace_is_refused(c):
    """A parameter of a namespace that the container shares with the host is an error."""
    c.share("network")
    c.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    c.refuses()


def propagation(wanted, tags):
    def body(c):
        c.linux["rootfsPropagation"] = wanted
        expect({tag.split(":")[0] for tag in c.options_of("/")[1]} - {"propagate_from"} in tags, c.options_of("/"))
    return body


# A root that is shared may still hear from the host.
for wanted, tags in (("private", [set()]), ("slave", [set(), {"master"}]), ("shared", [{"shared"}, {"shared", "master"}]),
                     ("unbindable", [{"unbindable"}]), ("rprivate", [set()])):
    add(f"rootfs_propagation_{wanted}", f"rootfsPropagation {wanted} is that of the root mount.", PROPAGATION, propagation(wanted, tags), group="linux")


def mount_later(c, wanted):
    """Runs the container with a root that is shared outside, and mounts a file system below that later. Returns the pid."""
    subprocess.run(["mount", "--bind", c.root, c.root], check=True)
    subprocess.run(["mount", "--make-shared", c.root], check=True)
    (c.root / "later").mkdir()
    c.linux["rootfsPropagation"] = wanted
    pid = c.up()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", c.root / "later"], check=True)
    return pid


@clause(PROPAGATION)
def a_slave_root_sees_what_is_mounted_outside_later(c):
    """With rootfsPropagation slave, what the host mounts below the root later is seen inside."""
    pid = mount_later(c, "slave")
    (c.root / "later/file").write_text("seen")
    equal(pathlib.Path(f"/proc/{pid}/root/later/file").read_text(), "seen")


@clause(PROPAGATION)
def a_private_root_does_not(c):
    """With rootfsPropagation private it is not."""
    pid = mount_later(c, "private")
    expect(" /later " not in pathlib.Path(f"/proc/{pid}/mountinfo").read_text())


def seen_twice(c, wanted):
    """Whether what the program mounts below its root shows in a second mount of that root, which it made before."""
    c.linux["rootfsPropagation"] = wanted
    c.process["capabilities"] = capability_sets(["CAP_SYS_ADMIN"])
    return c.inside("cd /tmp; mkdir again here; mount --rbind / again && mount -t tmpfs tmpfs here && touch here/file; ls again/tmp/here")


@clause(PROPAGATION)
def a_shared_root_shares_what_is_mounted_inside(c):
    """With rootfsPropagation shared, a mount below the root is in all mounts of it."""
    equal(seen_twice(c, "shared"), "file")


@clause(PROPAGATION)
def a_private_root_does_not_share_what_is_mounted_inside(c):
    """With rootfsPropagation private a mount below the root is in no other mount of it."""
    equal(seen_twice(c, "private"), "")


@clause(MASKED)
def masked_paths_can_not_be_read(c):
    """A masked file reads as empty, and a masked directory has nothing in it, for root as well."""
    (c.root / "etc/secret").write_text("secret")
    (c.root / "var/secrets").mkdir()
    (c.root / "var/secrets/one").write_text("secret")
    c.linux["maskedPaths"] = ["/etc/secret", "/var/secrets", "/proc/timer_list"]
    equal(c.inside("cat /etc/secret 2>/dev/null; ls /var/secrets; cat /var/secrets/one 2>/dev/null; cat /proc/timer_list 2>/dev/null | wc -c"), "0")
    equal((c.root / "etc/secret").read_text(), "secret")


@clause(MASKED)
def masked_paths_can_not_be_written(c):
    """Nor can a masked directory be filled."""
    (c.root / "var/secrets").mkdir()
    c.linux["maskedPaths"] = ["/var/secrets"]
    equal(c.inside("(echo x >/var/secrets/new) 2>/dev/null || echo refused"), "refused")
    equal(list((c.root / "var/secrets").iterdir()), [])


@clause(MASKED)
def masked_paths_may_lie_in_one_another(c):
    """Of masked paths one may lie in another, whichever stands first."""
    deep = c.root / "var/secrets/deep"
    deep.mkdir(parents=True)
    for place in (deep / "one", c.root / "var/secrets/one"):
        place.write_text("secret")
    paths = ["/var/secrets/deep/one", "/var/secrets", "/var/secrets/deep", "/var/secrets/one"]
    for order in (paths, paths[::-1]):
        c.linux["maskedPaths"] = order
        equal(c.inside("cd /var/secrets; cat one deep/one 2>/dev/null; ls deep 2>/dev/null; echo end"), "end", order)


@clause(MASKED)
def masked_nodes_can_not_be_read(c):
    """A node of a device, or a pipe, is masked as a file is."""
    os.mknod(c.root / "etc/zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    os.mkfifo(c.root / "etc/pipe")
    c.linux["maskedPaths"] = ["/etc/zero", "/etc/pipe"]
    equal(c.inside("head -c 5 /etc/zero | wc -c; cat /etc/pipe | wc -c").split(), ["0", "0"])


@clause(MASKED)
def a_masked_path_that_is_not_there_is_no_error(c):
    """A masked path that does not exist has nothing to hide."""
    c.linux["maskedPaths"] = ["/proc/of-nobody", "/no/where"]
    equal(c.inside("echo ran"), "ran")


@clause(MASKED)
def masked_paths_in_mounts_are_masked(c):
    """A path in one of the mounts is masked as well."""
    (c.directory / "volume").mkdir()
    (c.directory / "volume/secret").write_text("secret")
    c.bind(c.directory / "volume", "/volume")
    c.linux["maskedPaths"] = ["/volume/secret"]
    equal(c.inside("cat /volume/secret | wc -c"), "0")


@clause(READONLY)
def readonly_paths_can_not_be_written(c):
    """A read-only file or directory, with all below it, can be read and not written."""
    (c.root / "etc/file").write_text("text")
    c.linux["readonlyPaths"] = ["/etc/file", "/var", "/proc/sys"]
    equal(c.inside("cat /etc/file; echo; for place in /etc/file /var/new /proc/sys/kernel/msgmax; do (echo 1 >$place) 2>/dev/null || echo refused; done"),
          "text\nrefused\nrefused\nrefused")


@clause(READONLY)
def readonly_paths_may_lie_in_one_another(c):
    """Of read-only paths one may lie in another, whichever stands first."""
    (c.root / "var/deep").mkdir()
    for place in ("var/deep/file", "var/file"):
        (c.root / place).touch()
    paths = ["/var/deep/file", "/var", "/var/deep", "/var/file"]
    for order in (paths, paths[::-1]):
        c.linux["readonlyPaths"] = order
        found = c.inside("for place in /var/deep/file /var/file /var/new /var/deep/new; do (echo 1 >$place) 2>/dev/null || echo refused; done")
        equal(found.split(), ["refused"] * 4, order)


@clause(READONLY)
def a_readonly_path_that_is_not_there_is_no_error(c):
    """A read-only path that does not exist is no error."""
    c.linux["readonlyPaths"] = ["/proc/of-nobody", "/no/where"]
    equal(c.inside("echo ran"), "ran")


@clause(READONLY)
def a_readonly_path_keeps_the_options_of_its_mount(c):
    """Making a path read-only takes none of its other restrictions away."""
    c.mount("/limited", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec")
    c.linux["readonlyPaths"] = ["/limited"]
    expect({"ro", "nosuid", "nodev", "noexec"} <= c.options_of("/limited")[0], c.options_of("/limited"))


@clause(RDT, needs="no resctrl")
def intel_rdt_without_resctrl_is_refused(c):
    """intelRdt is an error where no resctrl file system is mounted."""
    c.linux["intelRdt"] = {"closID": "some", "l3CacheSchema": "L3:0=f"}
    c.refuses()


@clause(RDT, needs="resctrl")
def intel_rdt_puts_the_program_into_its_class(c):
    """intelRdt puts the container's process into the class that it names, and removes what the runtime made with the container."""
    c.linux["intelRdt"] = {}
    pid = c.up()
    place = pathlib.Path("/sys/fs/resctrl") / c.id
    expect(str(pid) in (place / "tasks").read_text().split())
    c.delete(force=True)
    expect(not place.exists())


MODES = {"MPOL_DEFAULT": 0, "MPOL_PREFERRED": 1, "MPOL_BIND": 2, "MPOL_INTERLEAVE": 3, "MPOL_LOCAL": 4, "MPOL_PREFERRED_MANY": 5}


def policy(mode, nodes, flags, wanted):
    def body(c):
        c.linux["memoryPolicy"] = {"mode": mode} | ({"nodes": nodes} if nodes else {}) | ({"flags": flags} if flags else {})
        equal(c.inside("probe memory-policy"), wanted)
    return body


for mode, number in MODES.items():
    nodes = "" if mode in ("MPOL_DEFAULT", "MPOL_LOCAL") else "0"
    add(f"memory_policy_{mode[5:].lower()}", f"memoryPolicy {mode} is the program's policy" + (", with its nodes." if nodes else "."), POLICY,
        policy(mode, nodes, [], f"{number} {1 if nodes else 0}"), since="1.3.0", needs="memory policy", group="linux")
add("memory_policy_with_a_flag", "Flags of memoryPolicy are the policy's.", POLICY, policy("MPOL_BIND", "0", ["MPOL_F_STATIC_NODES"], f"{2 | 1 << 15} 1"),
    since="1.3.0", needs="memory policy", group="linux")


@clause(POLICY, since="1.3.0")
def an_unknown_flag_of_a_memory_policy_is_refused(c):
    """A flag that is not of the list is an error."""
    c.linux["memoryPolicy"] = {"mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES", "MPOL_F_SOME_NODES"]}
    c.refuses()


@clause(POLICY, since="1.3.0")
def a_memory_policy_without_a_mode_is_refused(c):
    """mode is required."""
    c.linux["memoryPolicy"] = {"nodes": "0"}
    c.refuses()


@clause(POLICY, since="1.3.0")
def an_unknown_memory_policy_is_refused(c):
    """A mode that is not of the list is an error."""
    c.linux["memoryPolicy"] = {"mode": "MPOL_WHEREVER"}
    c.refuses()


@clause(POLICY, since="1.3.0", needs="memory policy")
def a_memory_policy_that_can_not_be_set_is_refused(c):
    """A policy that the kernel refuses, as one that lacks its nodes, is an error."""
    c.linux["memoryPolicy"] = {"mode": "MPOL_BIND"}
    c.refuses()


@clause("config-linux.md#mount-label", needs="no selinux")
def a_mount_label_without_selinux_does_no_harm(c):
    """mountLabel on a kernel without SELinux does not hinder the container, or is an error."""
    c.linux["mountLabel"] = "system_u:object_r:svirt_sandbox_file_t:s0:c1,c2"
    done = c.run("echo", "ran")
    expect(done.code != 0 or done.out == "ran\n", done)
