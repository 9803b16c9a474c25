"""nb with Debian's systemd as the first process: its cgroup driver, system and user, and containers of a user without privilege.

A guest boots Debian's cloud kernel and a small Debian (tools/systemd-image) without acceleration. A case is a shell script that
runs as root, or as "user" with a session of systemd's; it sees $id, $bundle (whose config it may change with `set_config`) and
$group (where systemd puts the cgroup).
"""
import dataclasses
import json

from guest import install_busybox
from harness import BUILD, run, written_spec
from systemd_guest import SystemdGuest

NB = BUILD / "src/apps/nb/nb"
MIB = 1 << 20


@dataclasses.dataclass
class Case:
    script: str
    args: list = dataclasses.field(default_factory=lambda: ["sleep", "1000"])
    resources: dict = dataclasses.field(default_factory=dict)
    cgroup: str = "machine.slice:nb:{id}"
    annotations: dict = dataclasses.field(default_factory=dict)
    rootless: bool = False  # As "user"; the config is that of `nb spec --rootless`.
    ids: int = 1  # How many are mapped then.
    without: tuple = ()  # Namespaces that it shares with the host.


ROOT_CASES = {
    "scope_with_all_limits": Case("""
        nb run --detach --bundle $bundle $id
        show() { systemctl show --value -p $1 nb-$id.scope; }
        [ $(show ActiveState) = active ]; [ $(show Slice) = machine.slice ]; [ $(show Delegate) = yes ]
        [ $(show MemoryMax) = 67108864 ]; [ $(show MemorySwapMax) = 0 ]; [ $(show CPUWeight) = 100 ]; [ $(show TasksMax) = 7 ]
        [ $(show CPUQuotaPerSecUSec) = 500ms ]; [ $(show AllowedCPUs) = 0 ]; [ $(show DevicePolicy) = strict ]
        [ $(cat $group/memory.max) = 67108864 ]; [ $(cat $group/pids.max) = 7 ]; [ "$(cat $group/cpu.max)" = "25000 50000" ]
        [ $(cat $group/cpuset.cpus) = 0 ]
        [ $(cat $group/cgroup.procs) = $(nb state $id | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p') ] # And no place holder.
        nb delete --force $id
        [ ! -e $group ]; [ $(show ActiveState) = inactive ]; [ $(show LoadState) = not-found ]
        """, resources={"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "cpu": {"shares": 1024, "quota": 25000, "period": 50000, "cpus": "0"},
                        "pids": {"limit": 7}}),
    "sees_its_own_cgroup_alone_without_a_namespace_for_it": Case("""
        nb run --detach --bundle $bundle $id
        mine=$(nb exec $id cat /sys/fs/cgroup/cgroup.procs); [ -n "$mine" ]
        nb exec $id sh -c '! test -e /sys/fs/cgroup/machine.slice'
        nb exec $id grep -q "machine.slice/nb-$id.scope /sys/fs/cgroup " /proc/self/mountinfo
        """, without=("cgroup",)),
    "one_process_and_no_more": Case("""
        nb run --detach --bundle $bundle $id
        [ $(cat $group/pids.max) = 1 ]; [ $(systemctl show --value -p TasksMax nb-$id.scope) = 1 ]
        fails nb exec $id true
        """, resources={"pids": {"limit": 1}}),
    "limits_by_file_stay": Case("""
        nb run --detach --bundle $bundle $id
        check() { [ "$(cat $group/cpu.max)" = "10000 50000" ]; [ $(cat $group/cpuset.cpus) = 0 ]; [ $(cat $group/memory.high) = 20971520 ]; }
        check; [ $(systemctl show --value -p CPUQuotaPerSecUSec nb-$id.scope) = 200ms ]
        systemctl daemon-reload; check
        """, resources={"unified": {"cpu.max": "10000 50000", "cpuset.cpus": "0", "memory.high": "20971520"}}),
    "a_quota_and_its_period_are_changed_one_by_one": Case("""
        nb run --detach --bundle $bundle $id
        check() { [ "$(cat $group/cpu.max)" = "$1" ]; [ $(systemctl show --value -p CPUQuotaPerSecUSec nb-$id.scope) = $2 ]; }
        nb update --cpu-quota 20000 $id; check "20000 50000" 400ms
        nb update --cpu-period 40000 $id; check "20000 40000" 500ms
        systemctl daemon-reload; check "20000 40000" 500ms
        nb update --cpu-quota -1 $id; check "max 40000" infinity
        """, resources={"cpu": {"quota": 10000, "period": 50000}}),
    "what_systemd_does_not_know_stays_whatever_it_is_told": Case("""
        nb run --detach --bundle $bundle $id
        [ "$(cat $group/cpu.max)" = "max 50000" ]
        nb update --cpu-period 20000 $id; [ "$(cat $group/cpu.max)" = "max 20000" ]
        nb update --memory 33554432 $id; sleep 0.3
        [ $(cat $group/memory.max) = 33554432 ]; [ "$(cat $group/cpu.max)" = "max 20000" ]
        """, resources={"cpu": {"period": 50000}, "pids": {"limit": 20}}),
    "idleness_swap_and_rounded_quotas_are_told_to_systemd": Case("""
        nb run --detach --bundle $bundle $id
        show() { systemctl show --value -p $1 nb-$id.scope; }
        nb update --cpu-idle 1 $id; [ $(cat $group/cpu.idle) = 1 ]; [ $(show CPUWeight) = idle ]
        systemctl daemon-reload; [ $(cat $group/cpu.idle) = 1 ]
        nb update --cpu-share 1024 $id; [ $(cat $group/cpu.idle) = 0 ]; [ $(cat $group/cpu.weight) = 100 ]; [ $(show CPUWeight) = 100 ]
        nb update --memory-swap 100663296 $id; [ $(show MemorySwapMax) = 33554432 ]
        nb update --memory -1 $id; [ $(show MemoryMax) = infinity ]; [ $(show MemorySwapMax) = infinity ]
        nb update --cpu-quota 50001 --cpu-period 100000 $id; [ $(show CPUQuotaPerSecUSec) = 510ms ]
        before=$(cat $group/cpu.max); systemctl daemon-reload; [ "$(cat $group/cpu.max)" = "$before" ]
        """, resources={"memory": {"limit": 64 * MIB}}),
    "limits_stay_when_systemd_reads_its_files_anew": Case("""
        nb run --detach --bundle $bundle $id
        nb update --memory 33554432 --cpu-share 512 --pids-limit 9 $id
        show() { systemctl show --value -p $1 nb-$id.scope; }
        [ $(show MemoryMax) = 33554432 ]; [ $(show TasksMax) = 9 ]; [ $(show CPUWeight) = 59 ]
        systemctl daemon-reload
        [ $(cat $group/memory.max) = 33554432 ]; [ $(cat $group/pids.max) = 9 ]; [ $(cat $group/cpu.weight) = 59 ]
        nb exec $id sh -c 'echo x >/dev/null; head -c 4 /dev/zero >/dev/null'
        fails nb update --memory 16777216 --cpu-quota 1 $id # All or nothing, for systemd too.
        [ $(cat $group/memory.max) = 33554432 ]; [ $(show MemoryMax) = 33554432 ]
        """, resources={"memory": {"limit": 64 * MIB}, "pids": {"limit": 20}}),
    "annotations_become_properties": Case("""
        nb run --detach --bundle $bundle $id
        [ "$(systemctl show --value -p TimeoutStopUSec nb-$id.scope)" = 1.500000s ]
        [ "$(systemctl show --value -p Description nb-$id.scope)" = "some words" ]
        """, annotations={"org.systemd.property.TimeoutStopSec": "1.5", "org.systemd.property.Description": "'some words'"}),
    "an_annotation_that_systemd_refuses": Case("""
        fails nb run --detach --bundle $bundle $id 2>/tmp/words
        cat /tmp/words; grep 'start nb-.*scope: systemd: StartTransientUnit: org.freedesktop.DBus.Error' /tmp/words
        [ ! -e /run/nb/$id ]; [ ! -e $group ]
        """, annotations={"org.systemd.property.NoSuchThing": "true"}),
    "a_failed_start_leaves_no_unit": Case("""
        fails nb run --bundle $bundle $id 2>/tmp/words; grep 'no/such/program' /tmp/words
        [ ! -e $group ]; [ $(systemctl show --value -p LoadState nb-$id.scope) = not-found ]
        """, args=["/no/such/program"]),
    "its_end_is_the_unit_s_end": Case("""
        nb run --bundle $bundle $id
        [ ! -e $group ]; [ $(systemctl show --value -p LoadState nb-$id.scope) = not-found ]
        """, args=["true"]),
    "a_unit_that_is_there_is_refused": Case("""
        systemd-run --scope --slice=machine --unit nb-$id.scope sleep 100 &
        until [ $(systemctl show --value -p ActiveState nb-$id.scope) = active ]; do sleep 0.2; done
        fails nb run --detach --bundle $bundle $id 2>/tmp/words; cat /tmp/words; grep UnitExists /tmp/words
        [ $(systemctl show --value -p ActiveState nb-$id.scope) = active ]
        systemctl stop nb-$id.scope
        """),
    "exec_pause_and_kill": Case("""
        nb run --detach --bundle $bundle $id
        nb exec --detach --pid-file /tmp/second $id sleep 999; grep -qx $(cat /tmp/second) $group/cgroup.procs
        nb pause $id; nb state $id | grep -q '"paused"'; nb resume $id
        nb kill --all $id KILL
        until nb state $id | grep -q '"stopped"'; do sleep 0.1; done
        nb delete $id; [ ! -e $group ]
        """),
    "another_form_of_path_is_told": Case("""
        fails nb run --bundle $bundle $id 2>/tmp/words; grep 'linux.cgroupsPath: with systemd it must be SLICE:PREFIX:NAME' /tmp/words
        """, cgroup="/a/path"),
    "without_a_bus_over_systemd_s_own_socket": Case("""
        systemctl stop dbus.socket dbus.service
        nb run --detach --bundle $bundle $id
        [ -e $group ]
        nb delete --force $id; [ ! -e $group ]
        systemctl start dbus.socket dbus.service
        """),
}

USER_CASES = {
    "rootless_in_a_scope_of_the_user_s_systemd": Case("""
        nb --systemd-cgroup run --detach --bundle $bundle $id
        group=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/nb-$id.scope
        [ $(cat $group/memory.max) = 67108864 ]; [ $(cat $group/pids.max) = 9 ]
        [ $(systemctl --user show --value -p MemoryMax nb-$id.scope) = 67108864 ]
        [ "$(nb exec $id id -u)" = 0 ]; [ "$(nb exec $id cat /proc/self/cgroup)" = 0::/ ]
        nb --systemd-cgroup update --memory 33554432 $id
        [ $(cat $group/memory.max) = 33554432 ]; [ $(systemctl --user show --value -p MemoryMax nb-$id.scope) = 33554432 ]
        nb --systemd-cgroup delete --force $id; [ ! -e $group ]
        """, rootless=True, cgroup=":nb:{id}", resources={"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}}),
    "rootless_in_a_delegated_cgroup": Case("""
        nb run --detach --bundle $bundle $id
        group=$(find /sys/fs/cgroup/user.slice -name $id -type d)
        [ $(cat $group/memory.max) = 67108864 ]; [ $(cat $group/pids.max) = 9 ]
        [ "$(nb exec $id cat /proc/self/cgroup)" = 0::/ ]
        nb update --pids-limit 5 $id; [ $(cat $group/pids.max) = 5 ]
        nb pause $id; nb state $id | grep -q '"paused"'; nb resume $id
        nb events --stats $id | grep -q '"limit":67108864'
        fails nb update --blkio-weight 100 $id 2>/tmp/words.user; grep 'io' /tmp/words.user
        nb delete --force $id; [ ! -e $group ]
        """, rootless=True, cgroup="", resources={"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}}),
    "rootless_with_many_ids": Case("""
        nb run --detach --bundle $bundle $id
        [ "$(nb exec $id cat /proc/self/uid_map | tr -s ' ')" = " 0 1000 1
 1 100000 65535" ]
        nb exec $id sh -c 'touch /tmp/file; chown 33:44 /tmp/file; stat -c %u:%g /tmp/file' | grep -x 33:44
        [ "$(nb exec --user 33:44 $id id -u)" = 33 ]
        """, rootless=True, cgroup="", ids=65536),
    "rootless_says_whose_ids_are_not_ours": Case("""
        sed -i 's/"hostID": 100000/"hostID": 200000/g' $bundle/config.json
        fails nb run --bundle $bundle $id 2>/tmp/words.user; cat /tmp/words.user; grep 'newgidmap.*/etc/subgid\\|/etc/subgid' /tmp/words.user
        """, rootless=True, cgroup="", ids=65536),
}

AS_ROOT = 'bundle=/payload/bundles/$id group=/sys/fs/cgroup/machine.slice/nb-$id.scope\nnb() { command nb --systemd-cgroup --root /run/nb "$@"; }\n'
AS_USER = "bundle=/home/user/bundles/$id\n"
PREPARE = """
cp -a /payload/bundles /payload/rootfs /home/user/; chown -R user:user /home/user/bundles /home/user/rootfs
clean_up() {
    as_user nb --systemd-cgroup delete --force $id
    nb --systemd-cgroup --root /run/nb delete --force $id
    systemctl start dbus.socket dbus.service # Whatever a case did with it.
}
"""


def make_config(nova, name, case):
    spec = nova.root / ("rootless" if case.rootless else "plain")
    config = written_spec(NB, spec, *(["--rootless"] if case.rootless else []))
    config["root"] = {"path": "/payload/rootfs" if not case.rootless else "/home/user/rootfs", "readonly": False}
    config["process"] |= {"terminal": False, "args": case.args}
    config["linux"].setdefault("resources", {}).update(case.resources)
    config["annotations"] = case.annotations
    config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] not in case.without]
    if case.cgroup:
        config["linux"]["cgroupsPath"] = case.cgroup.format(id=name)
    if case.rootless:
        ids = [{"containerID": 0, "hostID": 1000, "size": 1}]
        if case.ids > 1:
            ids.append({"containerID": 1, "hostID": 100000, "size": case.ids - 1})
        config["linux"] |= {"uidMappings": ids, "gidMappings": ids}
    return config


def make_payload(nova, payload, cases):
    install_busybox(payload / "rootfs")
    for name, case in cases.items():
        (payload / "bundles" / name).mkdir(parents=True)
        (payload / "bundles" / name / "config.json").write_text(json.dumps(make_config(nova, name, case)))


def test_nb_lets_systemd_make_its_cgroups(nova):
    cases = USER_CASES | ROOT_CASES  # The last one takes the bus away, which sessions do not live through.
    guest = SystemdGuest(nova, PREPARE)
    make_payload(nova, guest.payload, cases)
    for name, case in cases.items():
        guest.add(name, (AS_USER if case.rootless else AS_ROOT) + case.script, as_user=case.rootless)
    guest.run()


run(globals())
