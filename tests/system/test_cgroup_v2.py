"""nb on a host with cgroup version 2 alone, whatever the host that runs this test has: a small guest boots Debian's cloud kernel
without acceleration, mounts cgroup2 as systemd does, runs the cases below with the nb of this build, and powers off.

A case is a container's config and a shell script that looks at what the kernel then says. A script sees $id (the container's
name), $bundle and $group (where its cgroup is, unless the config says otherwise).
"""
import copy
import dataclasses
import json
import shutil

from guest import NB_OF_CASES, RUN_CASES, Machine, install, install_busybox, pack, run_cases, write_cases, write_init, write_modules
from harness import BUILD, IMAGES, NOVA, run, written_spec

NB = BUILD / "src/apps/nb/nb"
MIB = 1 << 20
SLEEP = ["sleep", "1000"]
BUSY = ["sh", "-c", "while :; do :; done"]


@dataclasses.dataclass
class Case:
    script: str
    args: list = dataclasses.field(default_factory=lambda: SLEEP)
    resources: dict = dataclasses.field(default_factory=dict)
    cgroup: str = ""
    writable_cgroup: bool = False
    cgroup_option: str = ""  # One more of its mount.
    network: str = ""  # The path of a namespace to join.
    user_namespace: str = ""  # "new", or the path of one to join.


CASES = {
    "spec_and_run": Case("""
        mkdir /tmp/plain; cd /tmp/plain; nb spec
        sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"true"/; s/"path": "rootfs"/"path": "\\/rootfs"/' config.json
        nb run $id
        [ ! -e $group ]
        """),
    "exit_code": Case("""
        code=0; nb run --bundle $bundle $id || code=$?
        [ $code = 7 ]; [ ! -e $group ]
        """, args=["sh", "-c", "exit 7"]),
    "own_cgroup_namespace": Case("""
        [ "$(nb run --bundle $bundle $id)" = "0::/ 77594624" ]
        """, args=["sh", "-c", "echo $(cat /proc/self/cgroup) $(cat /sys/fs/cgroup/memory.max)"],
        resources={"memory": {"limit": 74 * MIB}}),
    "memory_is_written": Case("""
        nb run --detach --bundle $bundle $id
        [ $(cat $group/memory.max) = 67108864 ]; [ $(cat $group/memory.swap.max) = 0 ]; [ $(cat $group/memory.low) = 16777216 ]
        code=0; nb exec $id dd if=/dev/zero of=/dev/null bs=200M count=1 || code=$?
        [ $code = 137 ]; grep -q '^oom_kill 1$' $group/memory.events
        nb state $id | grep -q '"running"'
        """, resources={"memory": {"limit": 64 * MIB, "swap": 64 * MIB, "reservation": 16 * MIB}}),
    "memory_hog_is_killed": Case("""
        code=0; nb run --bundle $bundle $id || code=$?
        [ $code = 137 ]; [ ! -e $group ]
        """, args=["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"], resources={"memory": {"limit": 64 * MIB, "swap": 64 * MIB}}),
    "pids": Case("""
        nb run --detach --bundle $bundle $id
        [ $(cat $group/pids.max) = 6 ]
        code=0; nb exec $id sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 2 & done' || code=$?
        [ $code != 0 ]; [ $(cut -d' ' -f2 $group/pids.events) -ge 1 ]
        """, resources={"pids": {"limit": 6}}),
    "cpu": Case("""
        nb run --detach --bundle $bundle $id
        [ "$(cat $group/cpu.max)" = "10000 50000" ]; [ $(cat $group/cpu.weight) = 100 ]
        until [ $(sed -n 's/^nr_throttled //p' $group/cpu.stat) -ge 3 ]; do sleep 0.1; done
        """, args=BUSY, resources={"cpu": {"shares": 1024, "quota": 10000, "period": 50000}}),
    "cpuset": Case("""
        [ "$(nb run --bundle $bundle $id)" = 0 ]
        """, args=["sed", "-n", "s/^Cpus_allowed_list:.//p", "/proc/self/status"], resources={"cpu": {"cpus": "0", "mems": "0"}}),
    "io": Case("""
        truncate -s 8M /tmp/disk; losetup /dev/loop0 /tmp/disk
        nb run --detach --bundle $bundle $id
        grep -q '^7:0 rbps=1048576 wbps=max riops=max wiops=100$' $group/io.max; [ "$(cat $group/io.weight)" = "default 4950" ]
        losetup -d /dev/loop0
        """, resources={"blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": MIB}],
                                    "throttleWriteIOPSDevice": [{"major": 7, "minor": 0, "rate": 100}]}}),
    "unified": Case("""
        nb run --detach --bundle $bundle $id
        [ $(cat $group/memory.high) = 33554432 ]; [ $(cat $group/pids.max) = 9 ]
        """, resources={"unified": {"memory.high": "33554432", "pids.max": "9"}}),
    "unified_takes_a_line_for_each_device": Case("""
        for i in 0 1; do truncate -s 8M /tmp/disk$i; losetup /dev/loop$i /tmp/disk$i; done
        nb run --detach --bundle $bundle $id
        grep -q '^7:0 .*riops=333 wiops=444$' $group/io.max; grep -q '^7:1 .*riops=555 wiops=666$' $group/io.max
        losetup -d /dev/loop0; losetup -d /dev/loop1
        """, resources={"unified": {"io.max": "7:0 riops=333 wiops=444\n7:1 riops=555 wiops=666\n"}}),
    "swap_can_be_taken_away_alone": Case("""
        nb run --detach --bundle $bundle $id
        [ $(cat $group/memory.swap.max) = 0 ]; [ $(cat $group/memory.max) = max ]
        """, resources={"memory": {"swap": 0}}),
    "all_controllers_reach_it": Case("""
        group=/sys/fs/cgroup/deep/$id
        nb run --detach --bundle $bundle $id
        [ "$(cat $group/cgroup.controllers)" = "$(cat /sys/fs/cgroup/cgroup.controllers)" ]; cat $group/io.stat
        nb delete --force $id; rmdir /sys/fs/cgroup/deep
        """, cgroup="/deep/all_controllers_reach_it"),
    "options_of_its_mount_are_the_kernel_s": Case("""
        fails nb run --bundle $bundle $id 2>/tmp/words; grep 'mount /sys/fs/cgroup: .*nonsense.*Invalid argument' /tmp/words; [ ! -e $group ]
        """, cgroup_option="nonsense"),
    "a_limit_that_is_not_there_is_told": Case("""
        fails nb run --bundle $bundle $id 2>/tmp/words
        grep memory.nonsense /tmp/words; [ ! -e $group ]; [ ! -e /run/nb/$id ]
        """, resources={"unified": {"memory.nonsense": "1"}}),
    # A node may be made, as with other runtimes; but what it names stays shut. None of these needs a capability to be opened.
    "devices": Case("""
        nb run --detach --bundle $bundle $id
        nb exec $id sh -c 'echo x >/dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom >/dev/null'
        nb exec $id sh -c "$make_nodes"
        for node in control serial disk; do
            fails nb exec $id sh -c ": </tmp/nodes/$node" 2>/tmp/words; grep 'Operation not permitted' /tmp/words
        done
        """, resources={"devices": [{"allow": False, "access": "rwm"}]}),
    "devices_all_allowed": Case("""
        nb run --detach --bundle $bundle $id
        nb exec $id sh -c "$make_nodes; : <>/tmp/nodes/control; : <>/tmp/nodes/serial; : <>/tmp/nodes/disk"
        """, resources={"devices": [{"allow": True, "access": "rwm"}]}),
    "device_rules_last_wins": Case("""
        nb run --detach --bundle $bundle $id
        nb exec $id sh -c "$make_nodes; : </tmp/nodes/control; : <>/tmp/nodes/serial; : </tmp/nodes/disk"
        fails nb exec $id sh -c ': <>/tmp/nodes/control' 2>/tmp/words; grep 'Operation not permitted' /tmp/words
        fails nb exec $id sh -c ': <>/tmp/nodes/disk' 2>/tmp/words; grep 'Operation not permitted' /tmp/words
        """, resources={"devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 237, "access": "r"},
                                    {"allow": True, "type": "c", "major": 4, "access": "rwm"}, {"allow": True, "type": "b", "access": "rw"},
                                    {"allow": False, "type": "b", "major": 7, "minor": 0, "access": "w"}]}),
    "update_of_devices": Case("""
        nb run --detach --bundle $bundle $id
        nb exec $id sh -c "$make_nodes"
        fails nb exec $id sh -c ': </tmp/nodes/control'
        echo '{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":237,"access":"r"}]}' >/tmp/more
        nb update --resources /tmp/more $id
        nb exec $id sh -c ': </tmp/nodes/control'
        echo '{"devices":[{"allow":false,"access":"rwm"}]}' | nb update --resources - $id
        fails nb exec $id sh -c ': </tmp/nodes/control'
        nb exec $id sh -c ': <>/dev/null'
        """, resources={"devices": [{"allow": False, "access": "rwm"}]}),
    "exec_follows_a_container_that_was_moved": Case("""
        nb run --detach --bundle $bundle --pid-file /tmp/pid $id
        mkdir /sys/fs/cgroup/moved; cat /tmp/pid >/sys/fs/cgroup/moved/cgroup.procs; rmdir $group
        [ "$(nb exec $id cat /proc/self/cgroup)" = 0::/../moved ]
        nb delete --force $id; rmdir /sys/fs/cgroup/moved
        """),
    "exec_says_why_it_cannot_join": Case("""
        nb run --detach --bundle $bundle $id
        nb exec $id sh -c 'mkdir /sys/fs/cgroup/inner; echo 1 >/sys/fs/cgroup/inner/cgroup.procs; echo $$ >/sys/fs/cgroup/inner/cgroup.procs
            echo +memory >/sys/fs/cgroup/cgroup.subtree_control'
        nb exec $id grep -qx 0::/inner /proc/self/cgroup
        fails nb exec --cgroup / $id true 2>/tmp/words; grep 'adding pid of the new process to cgroups.*Device or resource busy' /tmp/words
        """, writable_cgroup=True),
    "exec_joins": Case("""
        nb run --detach --bundle $bundle $id
        nb exec --detach --pid-file /tmp/second $id sleep 999
        grep -qx $(cat /tmp/second) $group/cgroup.procs
        [ "$(nb exec $id cat /proc/self/cgroup)" = "0::/" ]
        [ $(wc -l <$group/cgroup.procs) = 2 ]
        """),
    "exec_beside_inner_groups": Case("""
        # As systemd does in a container: a cgroup that hands controllers down holds no processes of its own.
        nb run --detach --bundle $bundle $id
        until [ -e $group/inner/cgroup.procs ] && grep -q pids $group/cgroup.subtree_control; do sleep 0.1; done
        [ "$(nb exec $id echo hello)" = hello ]
        [ "$(nb exec $id cat /proc/self/cgroup)" = 0::/inner ]
        [ $(nb ps --format json $id) = "[$(cat $group/inner/cgroup.procs)]" ]
        nb delete --force $id
        [ ! -e $group ]
        """, args=["sh", "-c", "cd /sys/fs/cgroup; mkdir inner; echo 1 >inner/cgroup.procs; echo +pids >cgroup.subtree_control; exec sleep 1000"],
        writable_cgroup=True),
    "its_user_owns_a_cgroup_that_it_may_write": Case("""
        nb run --detach --bundle $bundle $id
        [ $(stat -c %u $group) = 100000 ]; [ $(stat -c %u $group/cgroup.procs) = 100000 ]; [ $(stat -c %u $group/pids.max) = 0 ]
        nb exec $id sh -ec 'cd /sys/fs/cgroup; mkdir inner; echo 1 >inner/cgroup.procs; echo $$ >inner/cgroup.procs; echo +pids >cgroup.subtree_control'
        [ $(cat $group/cgroup.subtree_control) = pids ]
        nb exec $id sh -c '! echo 7 >/sys/fs/cgroup/pids.max'; [ $(cat $group/pids.max) = 5 ]
        nb delete --force $id; [ ! -e $group ]
        """, resources={"pids": {"limit": 5}}, user_namespace="new", writable_cgroup=True),
    "user_namespace": Case("""
        nb run --detach --bundle $bundle $id
        [ $(stat -c %u $group) = 0 ]
        grep -qx $(nb state $id | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p') $group/cgroup.procs
        [ "$(nb exec $id cat /proc/self/cgroup)" = "0::/" ]
        [ "$(nb exec $id sh -c 'echo $(cat /proc/self/uid_map)')" = "0 100000 65536" ]
        """, resources={"pids": {"limit": 5}}, user_namespace="new"),
    "joined_user_namespace": Case("""
        unshare -U sleep 100 &
        until [ $(readlink /proc/$!/ns/user) != $(readlink /proc/self/ns/user) ]; do sleep 0.1; done
        echo "0 100000 65536" >/proc/$!/uid_map; echo "0 100000 65536" >/proc/$!/gid_map
        touch /tmp/joined; mount --bind /proc/$!/ns/user /tmp/joined
        nb run --detach --bundle $bundle $id
        [ $(cat $group/pids.max) = 5 ]; [ $(wc -l <$group/cgroup.procs) = 1 ]
        [ "$(nb exec $id cat /proc/self/cgroup)" = "0::/" ]
        umount /tmp/joined; kill %1
        """, resources={"pids": {"limit": 5}}, user_namespace="/tmp/joined"),
    "create_start_kill_delete": Case("""
        nb create --bundle $bundle $id </dev/null >/tmp/out 2>&1
        nb state $id | grep -q '"created"'; [ -d $group ]
        nb start $id; nb state $id | grep -q '"running"'
        fails nb delete $id
        nb kill $id KILL
        until nb state $id | grep -q '"stopped"'; do sleep 0.1; done
        nb delete $id
        [ ! -e $group ]; [ ! -e /run/nb/$id ]
        """),
    "kill_all": Case("""
        nb run --detach --bundle $bundle $id
        nb exec --detach $id sleep 999
        nb kill --all $id KILL
        until nb state $id | grep -q '"stopped"'; do sleep 0.1; done
        nb delete $id; [ ! -e $group ]
        """),
    "pause_and_resume": Case("""
        nb run --detach --bundle $bundle $id
        used() { sed -n 's/^usage_usec //p' $group/cpu.stat; }
        nb pause $id
        nb state $id | grep -q '"paused"'; [ $(cat $group/cgroup.freeze) = 1 ]
        before=$(used); sleep 0.5; [ $(used) = $before ]
        fails nb exec $id true
        nb resume $id
        nb state $id | grep -q '"running"'; until [ $(used) -gt $before ]; do sleep 0.1; done
        nb pause $id
        nb delete --force $id; [ ! -e $group ]
        """, args=BUSY),
    "update": Case("""
        nb run --detach --bundle $bundle $id
        nb update --memory 33554432 --memory-swap 50331648 --pids-limit 7 --cpu-shares 2048 --cpu-period 50000 --cpu-quota 20000 $id
        [ $(cat $group/memory.max) = 33554432 ]; [ $(cat $group/memory.swap.max) = 16777216 ]; [ $(cat $group/pids.max) = 7 ]
        [ $(cat $group/cpu.weight) = 174 ]; [ "$(cat $group/cpu.max)" = "20000 50000" ]
        nb update --cpu-quota 30000 $id; [ "$(cat $group/cpu.max)" = "30000 50000" ]
        nb update --cpu-period 80000 $id; [ "$(cat $group/cpu.max)" = "30000 80000" ]
        nb update --memory -1 --memory-swap -1 --pids-limit -1 --cpu-quota -1 $id
        [ $(cat $group/memory.max) = max ]; [ $(cat $group/memory.swap.max) = max ]; [ $(cat $group/pids.max) = max ]
        [ "$(cat $group/cpu.max)" = "max 80000" ]
        """, resources={"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "cpu": {"quota": 10000, "period": 100000}}),
    "cpu_burst_and_idle": Case("""
        nb run --detach --bundle $bundle $id
        [ "$(cat $group/cpu.max)" = "40000 100000" ]; [ $(cat $group/cpu.max.burst) = 20000 ]
        nb update --cpu-quota 10000 --cpu-burst 5000 $id # Below the burst that is there.
        [ "$(cat $group/cpu.max)" = "10000 100000" ]; [ $(cat $group/cpu.max.burst) = 5000 ]
        nb update --cpu-idle 1 $id; [ $(cat $group/cpu.idle) = 1 ]
        nb update --cpu-share 1024 $id; [ $(cat $group/cpu.idle) = 0 ]; [ $(cat $group/cpu.weight) = 100 ]
        fails nb update --cpu-rt-runtime 1000 $id 2>/tmp/words; grep 'cpu.realtimeRuntime: cgroup version 2 has no such limit' /tmp/words
        """, resources={"cpu": {"quota": 40000, "period": 100000, "burst": 20000}}),
    "born_idle": Case("""
        nb run --detach --bundle $bundle $id
        [ $(cat $group/cpu.idle) = 1 ]
        """, resources={"cpu": {"shares": 512, "idle": 1}}),
    "swap_counts_memory_too": Case("""
        nb run --detach --bundle $bundle $id
        nb update --memory-swap 100663296 $id; [ $(cat $group/memory.swap.max) = 33554432 ]
        fails nb update --memory-swap 1048576 $id 2>/tmp/words; grep 'memory.swap: must be at least memory.limit (67108864)' /tmp/words
        nb update --memory -1 $id; [ $(cat $group/memory.max) = max ]; [ $(cat $group/memory.swap.max) = max ]
        fails nb update --memory-swap 67108864 $id 2>/tmp/words; grep 'memory.swap: needs memory.limit' /tmp/words
        """, resources={"memory": {"limit": 64 * MIB, "swap": 64 * MIB}}),
    "a_limit_below_use_is_refused_when_asked": Case("""
        nb run --detach --bundle $bundle $id
        until [ $(cat $group/memory.current) -gt 20000000 ]; do sleep 0.1; done
        echo '{"memory":{"limit":4194304,"checkBeforeUpdate":true}}' | fails nb update -r - $id 2>/tmp/words
        grep 'memory.limit: .* bytes are in use, more than the new limit' /tmp/words; [ $(cat $group/memory.max) = 67108864 ]
        """, args=["sh", "-c", "x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 1000"], resources={"memory": {"limit": 64 * MIB}}),
    "huge_pages": Case("""
        nb run --detach --bundle $bundle $id
        [ $(cat $group/hugetlb.2MB.max) = 4194304 ]; [ $(cat $group/hugetlb.2MB.rsvd.max) = 4194304 ]
        nb events --stats $id | grep -q '"hugetlb":{.*"2MB":{"usage":0,"max":0,"failcnt":0}'
        """, resources={"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]}),
    "rdma_and_misc_are_asked_of_the_kernel": Case("""
        # The guest has neither such a device nor such a resource: the kernel is asked, and says so.
        sed 's/"resources": {/"resources": {"rdma":{"mlx5_0":{"hcaHandles":3}},/' $bundle/config.json >/tmp/config.json
        mkdir -p /tmp/rdma; cp /tmp/config.json /tmp/rdma
        fails nb run --bundle /tmp/rdma $id 2>/tmp/words; grep 'rdma.mlx5_0: .*rdma.max' /tmp/words; [ ! -e $group ]
        nb run --detach --bundle $bundle $id
        echo '{"unified":{"misc.max":"sev 1"}}' | fails nb update -r - $id 2>/tmp/words; grep 'misc.max' /tmp/words
        grep misc $group/cgroup.controllers
        """),
    "limits_by_update_take_new_controllers": Case("""
        nb run --detach --bundle $bundle $id
        echo 1 >/sys/fs/cgroup/cgroup.procs 2>/dev/null || true
        nb update --cpuset-cpus 0 --cpuset-mems 0 --blkio-weight 500 $id
        [ $(cat $group/cpuset.cpus) = 0 ]; [ "$(cat $group/io.weight)" = "default 4950" ]
        fails nb update --blkio-weight 5 $id 2>/tmp/words; grep 'blockIO.weight: must be 10 to 1000, is 5' /tmp/words
        """),
    "update_is_all_or_nothing": Case("""
        nb run --detach --bundle $bundle $id
        before="$(cat $group/memory.max $group/memory.swap.max $group/cpu.weight $group/cpu.max $group/io.max $group/pids.max $group/cpuset.*.effective)"
        echo '{"memory":{"limit":33554432,"swap":50331648},"cpu":{"shares":300,"quota":30000,"cpus":"0","mems":"0"},"pids":{"limit":3},
            "blockIO":{"throttleReadBpsDevice":[{"major":7,"minor":0,"rate":4096}]},"unified":{"pids.nonsense":"1"}}' >/tmp/more
        fails nb update -r /tmp/more $id 2>/tmp/words; grep pids.nonsense /tmp/words; [ -z "$(grep 'set back' /tmp/words)" ] # A cpuset in use is not emptied again.
        [ "$(cat $group/memory.max $group/memory.swap.max $group/cpu.weight $group/cpu.max $group/io.max $group/pids.max $group/cpuset.*.effective)" = "$before" ]
        sed -i 's/,"unified.*/}/' /tmp/more; nb update -r /tmp/more $id
        [ $(cat $group/memory.max) = 33554432 ]; [ $(cat $group/pids.max) = 3 ]; grep '^7:0 rbps=4096' $group/io.max
        grep -q '"limit":33554432' /run/nb/$id/config.json
        """, resources={"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "cpu": {"shares": 1024}, "pids": {"limit": 20}}),
    "want_of_memory_is_an_event": Case("""
        nb run --detach --bundle $bundle $id
        nb events --interval 60s $id >/tmp/happened & watcher=$!
        until grep -q stats /tmp/happened; do sleep 0.1; done
        code=0; nb exec $id dd if=/dev/zero of=/dev/null bs=200M count=1 || code=$?; [ $code = 137 ]
        until grep -qx '{"type":"oom","id":"'$id'"}' /tmp/happened; do sleep 0.1; done
        [ $(grep -c '"oom"' /tmp/happened) = 1 ]
        nb kill $id KILL; wait $watcher
        """, resources={"memory": {"limit": 64 * MIB, "swap": 64 * MIB}}),
    "pressure_is_an_event": Case("""
        nb run --detach --bundle $bundle $id
        nb events --interval 60s --pressure cpu:some:50ms/1s $id >/tmp/happened & watcher=$!
        until grep -q '"type":"pressure","id":"'$id'","data":{"resource":"cpu","psi":{"some":{"avg10":' /tmp/happened; do sleep 0.1; done
        grep -q '"psi":{"some":{"avg10":[0-9.]*,"avg60":[0-9.]*,"avg300":[0-9.]*,"total":[0-9]*}' /tmp/happened
        nb kill $id KILL; wait $watcher
        fails nb events --pressure disk $id 2>/tmp/words; grep 'must be cpu, memory or io' /tmp/words
        """, args=BUSY, resources={"cpu": {"quota": 10000, "period": 100000}}),
    "events_and_ps": Case("""
        nb run --detach --bundle $bundle $id
        code=0; nb exec $id sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 2 & done' || code=$?
        field() { sed -n "s/.*\\"$1\\":{[^{}]*\\"$2\\":\\([0-9]*\\).*/\\1/p" /tmp/stats; }
        used() { sed -n 's/.*"cpu":{"usage":{"total":\\([0-9]*\\).*/\\1/p' /tmp/stats; }
        until nb events --stats $id >/tmp/stats; [ $(used) -gt 300000000 ] && [ $(field throttling throttledTime) -gt 1000000 ]; do sleep 0.2; done
        cut -c1-600 /tmp/stats
        grep -q '^{"type":"stats","id":"'$id'","data":{"cpu"' /tmp/stats
        [ $(field throttling throttledPeriods) -ge 1 ]
        used=$(sed -n 's/.*"memory":{"cache":[0-9]*,"usage":{"limit":[0-9]*,"usage":\\([0-9]*\\).*/\\1/p' /tmp/stats)
        [ $used -gt 4096 ]; [ $used -lt 67108864 ]
        grep -q '"limit":67108864,' /tmp/stats
        [ $(sed -n 's/.*"failcnt":\\([0-9]*\\)},"swap".*/\\1/p' /tmp/stats) = $(sed -n 's/^max //p' $group/memory.events) ]
        [ $(field pids limit) = 5 ]; [ $(field pids current) -ge 1 ]
        until [ $(wc -l <$group/cgroup.procs) = 1 ]; do sleep 0.2; done # The others sleep two seconds.
        [ $(nb ps --format json $id) = "[$(cat $group/cgroup.procs)]" ]
        """, args=BUSY, resources={"memory": {"limit": 64 * MIB}, "cpu": {"quota": 50000, "period": 100000}, "pids": {"limit": 5}}),
    "systemd_path": Case("""
        fails nb --systemd-cgroup run --bundle $bundle $id 2>/tmp/words
        grep 'no systemd answers .*use --cgroup-manager cgroupfs where there is none' /tmp/words; [ ! -e /run/nb/$id ]
        nb run --detach --bundle $bundle $id # Such a path is one without systemd too.
        [ $(cat /sys/fs/cgroup/machine.slice/nb-abc.scope/pids.max) = 11 ]
        nb delete --force $id
        [ ! -e /sys/fs/cgroup/machine.slice/nb-abc.scope ]
        """, cgroup="machine.slice:nb:abc", resources={"pids": {"limit": 11}}),
    "a_cgroup_in_use_is_refused": Case("""
        mkdir $group; sleep 100 & echo $! >$group/cgroup.procs
        fails nb run --bundle $bundle $id 2>/tmp/words
        grep 'is not empty' /tmp/words; [ -e $group ]
        kill %1; wait || true; until rmdir $group; do sleep 0.1; done
        """),
    # What Nova writes for a capsule with limits (runtime::config_json), run as Nova runs it.
    "capsule": Case("""
        group=/sys/fs/cgroup/nova-1a2b3c4d/$id
        touch /tmp/net; unshare -n sh -c 'ip link set lo up; mount --bind /proc/self/ns/net /tmp/net'
        nb run --detach --bundle $bundle --pid-file $bundle/pid $id
        grep -qx $(cat $bundle/pid) $group/cgroup.procs
        [ $(cat $group/memory.max) = 67108864 ]; [ $(cat $group/memory.swap.max) = 0 ]; [ "$(cat $group/cpu.max)" = "50000 100000" ]
        until nb exec $id wget -q -O - http://127.0.0.1/ | grep 'From the capsule'; do sleep 0.1; done
        [ "$(nb exec $id cat /proc/self/cgroup)" = "0::/" ]
        nb delete --force $id
        [ ! -e $group ]
        umount /tmp/net; rmdir /sys/fs/cgroup/nova-1a2b3c4d
        """, args=["httpd", "-f", "-p", "80", "-h", "/www"], cgroup="/nova-1a2b3c4d/capsule", network="/tmp/net",
        resources={"devices": [{"allow": False, "access": "rwm"}], "memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "cpu": {"period": 100000, "quota": 50000}}),
}

# Nova itself, from one file.
NOVAFILE = """
project = "test"
[image.web]
source = "images/web.tar"
[container.web]
capsule = "web"
[container.web.bolt]
memory_limit = "32Mi"
cpu_limit = 0.5
"""
NOVA_CASES = {
    "up_limits_exec": Case("""
        cd /project
        nova up
        group=$(echo /sys/fs/cgroup/nova-*/pod.default.web)
        [ $(cat $group/memory.max) = 33554432 ]; [ $(cat $group/memory.swap.max) = 0 ]; [ "$(cat $group/cpu.max)" = "50000 100000" ]
        [ "$(nova exec container web -- cat /proc/self/cgroup)" = 0::/ ]
        until nova exec container web -- wget -q -O - http://127.0.0.1/ | grep 'A page from the image'; do sleep 0.1; done
        """),
    "want_of_memory_is_told": Case("""
        cd /project
        code=0; nova run container hog --image web --memory 16Mi -- dd if=/dev/zero of=/dev/null bs=100M count=1 || code=$?
        [ $code = 137 ]
        nova status container hog | grep OOMKilled
        nova rm container hog
        """),
    "down_leaves_nothing": Case("""
        cd /project
        nova down
        [ -z "$(ls -d /sys/fs/cgroup/nova*/* 2>/dev/null | grep pod)" ]
        nova server stop
        [ -z "$(ls -d /sys/fs/cgroup/nova* 2>/dev/null)" ]
        """),
}

BEFORE = NB_OF_CASES + 'nova() { command nova --root /run/n "$@"; }\n'
PREPARE = """
echo "guest: controllers $(cat /sys/fs/cgroup/cgroup.subtree_control)"
export make_nodes='set -e; rm -rf /tmp/nodes; mkdir /tmp/nodes; cd /tmp/nodes
    mknod control c 10 237; mknod serial c 4 64; mknod disk b 7 0'
"""


def make_config(spec, case):
    """Nova's own bundle is what `nb spec` writes, but for what a case says."""
    config = copy.deepcopy(spec)
    config["root"] = {"path": "/rootfs", "readonly": False}
    config["process"] |= {"terminal": False, "args": case.args}
    config["linux"]["resources"] |= case.resources
    if case.cgroup:
        config["linux"]["cgroupsPath"] = case.cgroup
    if case.network:
        next(entry for entry in config["linux"]["namespaces"] if entry["type"] == "network")["path"] = case.network
    if case.user_namespace:
        joined = {} if case.user_namespace == "new" else {"path": case.user_namespace}
        config["linux"]["namespaces"].append({"type": "user"} | joined)
        if not joined:
            config["linux"] |= {kind: [{"containerID": 0, "hostID": 100000, "size": 65536}] for kind in ("uidMappings", "gidMappings")}
    cgroup_options = next(mount for mount in config["mounts"] if mount["type"] == "cgroup")["options"]
    if case.writable_cgroup:
        cgroup_options.remove("ro")
    if case.cgroup_option:
        cgroup_options.append(case.cgroup_option)
    return config


def make_project(project):
    (project / "images").mkdir(parents=True)
    shutil.copy2(IMAGES / "web.tar", project / "images/web.tar")
    (project / "NovaFile").write_text(NOVAFILE)


def make_initramfs(nova, cases, programs):
    root = nova.root / "guest"
    for place in (root, root / "rootfs"):
        install_busybox(place)
    (root / "rootfs/www/index.html").write_text("From the capsule\n")
    for program in programs:
        install(program, root)
    write_modules(root / "lib/modules", ("loop", "overlay"))
    shutil.copytree("/usr/lib/locale/C.utf8", root / "usr/lib/locale/C.utf8")  # nova reads archives in it.
    make_project(root / "project")
    spec = written_spec(NB, nova.project)
    for name, case in cases.items():
        (root / "bundles" / name).mkdir(parents=True)
        (root / "bundles" / name / "config.json").write_text(json.dumps(make_config(spec, case)))
    write_cases(root / "cases", {name: case.script for name, case in cases.items()}, BEFORE)
    write_init(root, PREPARE + RUN_CASES)
    return pack(root, nova.root / "guest.initramfs")


def run_all(nova, cases, programs):
    lines = run_cases(cases, Machine(IMAGES / "vmlinuz", make_initramfs(nova, cases, programs)), allowed=["./machine.slice"])
    assert any(line.startswith("controllers ") and {"memory", "cpu", "pids", "io"} <= set(line.split()) for line in lines), lines


def test_nb_does_with_version_2_what_it_does_with_version_1(nova):
    run_all(nova, CASES, [NB])


def test_nova_limits_its_capsules_with_version_2(nova):
    run_all(nova, NOVA_CASES, [NB, NOVA])


run(globals())
