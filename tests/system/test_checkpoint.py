"""Checkpoint and restore with the real criu, in a guest with Debian's kernel: that of the host may be one that criu can't work on.

The guest makes containers with nb, freezes them into files, looks at what is left, makes them anew, and looks whether they go on
where they were. A case is a shell script; what it prints is shown when it fails.
"""
import json

from guest import CRIU_MODULES, NB_OF_CASES, RUN_CASES, Machine, install, install_all, install_busybox, pack, run_cases, write_cases, write_init, write_modules
from harness import BUILD, IMAGES, run, written_spec

NB = BUILD / "src/apps/nb/nb"
COUNT = "i=0; while :; do i=$((i+1)); echo $i >/tmp/new; mv /tmp/new /tmp/count; sleep 0.1; done"
# A connection of the container with itself: what one end counts, the other writes down.
CONNECTED = "sleep 9999 | nc -l -p 99 >/tmp/received & until grep -q ':0063 .* 0A ' /proc/net/tcp*; do sleep 0.1; done; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done | nc 127.0.0.1 99"
# A connection that its other end, which is stopped, does not accept.
WAITING = "nc -l -p 98 & until grep -q ':0062 .* 0A ' /proc/net/tcp*; do sleep 0.1; done; kill -STOP $!; sleep 9999 | nc 127.0.0.1 98 & while :; do sleep 0.1; done"

CASES = {
    "goes_on_where_it_was": """
        start $id
        nb exec $id mkdir /dev/shm/kept
        nb checkpoint --image-path /images/$id --work-path /work/$id $id
        fails nb state $id; [ ! -e $group ]; [ -s /work/$id/dump.log ]
        before=$(count); sleep 0.5; [ $(count) = $before ]
        restore $id --pid-file /tmp/pid
        nb state $id | grep -q '"running"'
        after=$(count); [ $after -ge $before ]; counts $after
        [ -d /proc/$(cat /tmp/pid)/root/dev/shm/kept ]
        # It has no more than it had.
        [ "$(nb exec $id cat /proc/1/cgroup)" = 0::/ ]
        grep -qx $(cat /tmp/pid) $group/cgroup.procs; [ $(cat $group/pids.max) = 50 ]
        grep -q 'NoNewPrivs:.1' /proc/$(cat /tmp/pid)/status; grep -q 'Seccomp:.2' /proc/$(cat /tmp/pid)/status
        fails grep -q ' /run/nb' /proc/mounts
        nb delete --force $id; [ ! -e $group ]; [ ! -e /run/nb/$id ]
        """,
    "runs_on_when_it_is_left_running": """
        start $id
        nb checkpoint --leave-running --image-path /images/$id $id
        nb state $id | grep -q '"running"'
        counts $(count)
        """,
    "dumps_memory_first": """
        start $id
        nb checkpoint --pre-dump --image-path /images/$id-1 $id
        nb state $id | grep -q '"running"'
        nb checkpoint --parent-path ../$id-1 --image-path /images/$id-2 $id
        [ -L /images/$id-2/parent ]
        nb restore --detach --bundle /bundle --image-path /images/$id-2 $id </dev/null >/dev/null 2>&1
        nb state $id | grep -q '"running"'
        """,
    "keeps_its_output": """
        numbers() { grep -x '[0-9][0-9]*' $1; }
        sed 's/>.tmp.new; mv .tmp.new .tmp.count//' /bundle/config.json >/tmp/loud.json; mkdir -p /loud; cp /tmp/loud.json /loud/config.json
        nb run --detach --bundle /loud $id </dev/null 2>&1 | cat >/tmp/first &
        until nb state $id | grep -q '"running"' && numbers /tmp/first; do sleep 0.1; done
        nb checkpoint --image-path /images/$id $id
        { nb restore --detach --bundle /loud --image-path /images/$id $id 2>&1; } </dev/null | cat >/tmp/second &
        until numbers /tmp/second; do sleep 0.2; done
        [ $(numbers /tmp/second | head -1) -ge $(numbers /tmp/first | tail -1) ]
        """,
    "bind_mounts_come_from_their_source": """
        mkdir -p /data /bound; echo old >/data/file
        sed 's|"mounts":\\[|"mounts":[{"destination":"/data","source":"/data","options":["bind","private"]},|' /bundle/config.json >/bound/config.json
        nb run --detach --bundle /bound $id </dev/null >/dev/null 2>&1
        nb checkpoint --image-path /images/$id $id
        echo new >/data/file
        nb restore --detach --bundle /bound --image-path /images/$id $id </dev/null >/dev/null 2>&1
        [ "$(nb exec $id cat /data/file)" = new ]
        """,
    "another_name_and_cgroup_are_taken": """
        start $id
        nb checkpoint --image-path /images/$id $id
        mkdir -p /moved.d; sed 's|"cgroupsPath":"[^"]*",*||; s|"linux":{|"linux":{"cgroupsPath":"/elsewhere/other",|' /bundle/config.json >/moved.d/config.json
        nb restore --detach --bundle /moved.d --image-path /images/$id --pid-file /tmp/pid other </dev/null >/dev/null 2>/tmp/words || { cat /tmp/words; exit 1; }
        grep -qx $(cat /tmp/pid) /sys/fs/cgroup/elsewhere/other/cgroup.procs; [ ! -e $group ]
        [ $(cat /sys/fs/cgroup/elsewhere/other/pids.max) = 50 ]; [ "$(nb exec other cat /proc/1/cgroup)" = 0::/ ]
        counts $(count)
        nb delete --force other; [ ! -e /sys/fs/cgroup/elsewhere/other ]; rmdir /sys/fs/cgroup/elsewhere
        """,
    "more_rights_than_the_config_allows_are_refused": """
        start $id
        nb checkpoint --image-path /images/$id $id
        mkdir -p /less; sed 's/"CAP_KILL",*//g' /bundle/config.json >/less/config.json
        fails nb restore --detach --bundle /less --image-path /images/$id $id </dev/null 2>/tmp/words
        grep 'has capabilities that process.capabilities does not allow' /tmp/words
        fails nb state $id; [ ! -e $group ]
        before=$(count); sleep 0.5; [ $(count) = $before ]
        """,
    "images_of_strangers_are_looked_at": """
        start $id
        nb checkpoint --image-path /images/$id $id
        refused() { ! nb restore --detach --bundle /bundle --image-path /images/$id ${2:-$id} </dev/null 2>/tmp/words; cat /tmp/words; grep "$1" /tmp/words; [ ! -e /run/nb/${2:-$id} ]; }
        sed 's|/images_of_str|/imagez_of_str|g' /images/$id/cgroup.img >/tmp/cgroup.img; cp /images/$id/cgroup.img /tmp/good.img
        cp /tmp/cgroup.img /images/$id/cgroup.img; refused 'which is not below'; cp /tmp/good.img /images/$id/cgroup.img
        sed 's|cgroup.procs|../../../x/y|g' /tmp/good.img >/images/$id/cgroup.img; refused 'has a property named "../../../x/y"'; cp /tmp/good.img /images/$id/cgroup.img
        ln -s /etc/passwd /images/$id/link; refused 'link: is no plain file'; rm /images/$id/link
        chmod 666 /images/$id/core-1.img; refused 'core-1.img: can be written by others'; chmod 600 /images/$id/core-1.img
        chown 7 /images/$id/core-1.img; refused 'core-1.img: belongs to another user'; chown 0 /images/$id/core-1.img
        echo '["a","b"]' >/images/$id/descriptors.json; refused 'must name three descriptors'
        echo '["a","b","c"]' >/images/$id/descriptors.json
        cp /images/$id/cgroup.img /tmp/cgroup.img; head -c 40 /tmp/cgroup.img >/images/$id/cgroup.img; refused 'cgroup.img: is cut short'
        cp /tmp/cgroup.img /images/$id/cgroup.img
        head -c 20 /images/$id/pstree.img >/tmp/p; cp /tmp/p /images/$id/pstree.img; refused 'criu failed'
        mv /images/$id/inventory.img /tmp/; refused 'is no checkpoint'
        [ ! -e $group ]
        """,
    "connections_go_on": """
        received() { cat /rootfs/tmp/received; }
        nb run --detach --bundle /bundles/connected $id </dev/null >/dev/null 2>&1
        until [ $(received | wc -l) -gt 5 ]; do sleep 0.1; done
        nb exec $id netstat -tn | grep '127.0.0.1:99 .*ESTABLISHED'
        fails nb checkpoint --image-path /images/$id-no $id 2>/tmp/words; cat /tmp/words; grep tcp-established /tmp/words
        nb state $id | grep -q '"running"'
        nb checkpoint --tcp-established --image-path /images/$id $id
        before=$(received | wc -l)
        nb restore --tcp-established --detach --bundle /bundles/connected --image-path /images/$id $id </dev/null >/dev/null 2>&1
        until [ $(received | wc -l) -gt $((before + 10)) ]; do sleep 0.1; done
        nb exec $id netstat -tn | grep '127.0.0.1:99 .*ESTABLISHED'
        received >/tmp/numbers; seq $(wc -l </tmp/numbers) | cmp - /tmp/numbers # Nothing is lost, and nothing comes twice.
        """,
    "connections_that_nobody_accepted_can_be_left_out": """
        nb run --detach --bundle /bundles/waiting $id </dev/null >/dev/null 2>&1
        until [ $(nb exec $id netstat -tn | grep -c '127.0.0.1:98 .*ESTABLISHED') = 2 ]; do sleep 0.1; done
        fails nb checkpoint --tcp-established --image-path /images/$id-no $id 2>/tmp/words; cat /tmp/words; grep -i in-flight /tmp/words
        nb checkpoint --tcp-established --tcp-skip-in-flight --image-path /images/$id $id
        ls /images/$id/tcp-stream-*.img; fails nb state $id
        """,
    "a_terminal_goes_on": """
        numbers() { tr -d '\\r' <$1 | sed -n 's|^\\([0-9][0-9]*\\) /dev/pts/0$|\\1|p'; }
        nb run --bundle /bundles/terminal $id </dev/null >/tmp/first 2>&1 & runner=$!
        until [ $(numbers /tmp/first | wc -l) -gt 2 ]; do sleep 0.1; done
        nb checkpoint --image-path /images/$id $id
        wait $runner || true
        before=$(numbers /tmp/first | tail -1)
        nb restore --bundle /bundles/terminal --image-path /images/$id $id </dev/null >/tmp/second 2>&1 & runner=$!
        until [ $(numbers /tmp/second | wc -l) -gt 2 ]; do sleep 0.1; done
        [ $(numbers /tmp/second | head -1) -ge $before ]; [ $(numbers /tmp/second | head -1) -le $((before + 3)) ]
        nb kill $id KILL; code=0; wait $runner || code=$?; [ $code = 137 ]
        """,
    "an_empty_network_is_for_the_caller_to_fill": """
        nb run --detach --bundle /bundle $id </dev/null >/dev/null 2>&1
        nsenter -t $(nb state $id | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p') -n ip link add name kept type veth peer name other
        nb checkpoint --empty-ns network --image-path /images/$id $id
        nb restore --empty-ns network --detach --bundle /bundle --image-path /images/$id $id </dev/null >/dev/null 2>/tmp/words || cat /tmp/words
        [ "$(nb exec $id ls /sys/class/net)" = lo ]
        """,
    "locks_and_names_are_taken_along": """
        nb run --detach --bundle /bundles/locked $id </dev/null >/dev/null 2>&1
        until [ -e /rootfs/tmp/locked ]; do sleep 0.1; done; sleep 0.3
        fails nb checkpoint --image-path /images/$id-no $id 2>/tmp/words; cat /tmp/words; grep file-locks /tmp/words
        nb checkpoint --file-locks --auto-dedup --image-path /images/$id $id
        ! ( flock -n 9 || exit 1; flock -u 9; exit 1 ) 9>/rootfs/tmp/lock
        nb restore --file-locks --auto-dedup --detach --bundle /bundles/locked --image-path /images/$id $id </dev/null >/dev/null 2>&1
        fails flock -n /rootfs/tmp/lock true
        """,
    "what_can_not_be_done_is_told": """
        start $id
        refused() { ! nb "$@" 2>/tmp/words; cat /tmp/words; grep -- "$2: " /tmp/words; }
        refused checkpoint --lazy-pages --image-path /images/$id $id; grep 'is not supported' /tmp/words
        refused checkpoint --page-server 127.0.0.1:99 --image-path /images/$id $id; grep 'is not supported' /tmp/words
        refused checkpoint --status-fd 3 --image-path /images/$id $id; grep 'is not supported' /tmp/words
        refused checkpoint --empty-ns pid --image-path /images/$id $id; grep 'must be network, is "pid"' /tmp/words
        refused checkpoint --parent-path /images --image-path /images/$id $id; grep 'must be relative' /tmp/words
        refused restore --lazy-pages --image-path /images/$id $id; grep 'is not supported' /tmp/words
        refused restore --lsm-profile selinux:x --image-path /images/$id $id; grep 'is not supported' /tmp/words
        refused restore --lsm-mount-context x --image-path /images/$id $id; grep 'is not supported' /tmp/words
        nb state $id | grep -q '"running"'; [ ! -e /images/$id ]
        nb checkpoint --help | grep checkpoint; nb restore --help | grep files # As podman asks whether we have them.
        """,
    "only_what_runs_can_be_frozen": """
        nb create --bundle /bundle $id </dev/null >/dev/null 2>&1
        fails nb checkpoint --image-path /images/$id $id 2>/tmp/words; grep 'it is created, not running' /tmp/words
        fails nb checkpoint --manage-cgroups-mode some --image-path /images/$id $id 2>/tmp/words; grep 'manage-cgroups-mode: must be' /tmp/words
        nb start $id
        for missing in /nosuch nosuch; do
            fails nb --criu $missing checkpoint --image-path /images/$id $id 2>/tmp/words
            grep 'criu is not installed, and checkpoints need it: install the package criu' /tmp/words
        done
        nb state $id | grep -q '"running"'
        """,
}

BEFORE = NB_OF_CASES + """
count() { cat /rootfs/tmp/count; }
counts() { until [ $(count) -gt $1 ]; do sleep 0.1; done; } # Beyond this number.
start() { rm -f /rootfs/tmp/count; nb run --detach --bundle /bundle $1 </dev/null >/dev/null 2>&1; until [ -e /rootfs/tmp/count ]; do sleep 0.1; done; }
restore() {
    name=$1; shift
    nb restore --detach --bundle /bundle --image-path /images/$name --work-path /work/$name "$@" $name </dev/null >/dev/null 2>&1
}
"""
PREPARE = """
mkdir -p /images /work /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
tell_more() { grep -h Error /images/$id*/*.log /work/$id/*.log 2>/dev/null | tail -20; }
"""


def write_bundle(bundle, script, terminal=False):
    bundle.mkdir(parents=True)
    config = written_spec(NB, bundle)
    config["root"] = {"path": "/rootfs", "readonly": False}
    config["process"] |= {"terminal": terminal, "args": ["sh", "-c", script]}
    config["linux"]["resources"]["pids"] = {"limit": 50}
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["keyctl"], "action": "SCMP_ACT_ERRNO"}]}
    (bundle / "config.json").write_text(json.dumps(config, separators=(",", ":")))


def make_initramfs(nova):
    root = nova.root / "guest"
    for place in (root, root / "rootfs"):
        install_busybox(place)
        install_all(place, ["flock"])
    install(NB, root)
    install_all(root, ("criu", "tar", "gzip", "ip"))  # criu wants what busybox's own have not.
    write_modules(root / "lib/modules", CRIU_MODULES)
    write_bundle(root / "bundle", COUNT)
    write_bundle(root / "bundles/connected", CONNECTED)
    write_bundle(root / "bundles/waiting", WAITING)
    # Slow, so that who passes its output on is never several numbers late.
    write_bundle(root / "bundles/terminal", "i=0; while :; do i=$((i+1)); echo $i $(tty); sleep 1; done", terminal=True)
    write_bundle(root / "bundles/locked", "exec 9>/tmp/lock; flock 9; touch /tmp/locked; while :; do sleep 0.1; done")
    write_cases(root / "cases", CASES, BEFORE)
    write_init(root, PREPARE + RUN_CASES)
    return pack(root, nova.root / "guest.initramfs")


def test_a_container_goes_on_from_its_checkpoint(nova):
    run_cases(CASES, Machine(IMAGES / "vmlinuz", make_initramfs(nova)))


run(globals())
