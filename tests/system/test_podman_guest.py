"""podman from Debian with nb as its runtime where the host's tests can't have it: with systemd's cgroups on version 2, without privilege,
and with checkpoints by the real criu. In a guest that systemd starts; the image is that of the demo.
"""
import shutil

from guest import CRIU_MODULES
from harness import IMAGES, run
from systemd_guest import SystemdGuest

# A script's "podman" is the one with nb; $cid is the container's whole id.
BEFORE = """
podman() { command podman --runtime /payload/bin/nb --cgroup-manager systemd --events-backend file --log-level error "$@"; }
up() { podman run --detach --name $id --network none --entrypoint '' --stop-signal TERM --log-driver k8s-file "$@"; cid=$(podman inspect --format '{{.Id}}' $id); }
state() { podman inspect --format '{{.State.Status}}' $id; }
show() { systemctl $user show --value -p $1 libpod-$cid.scope; }
seen() { podman exec ${1:-$id} cat /tmp/count; }
counts() { until [ "$(seen ${2:-$id})" -gt $1 ]; do sleep 0.1; done; } # Beyond this number, in this container.
"""
LIMITS = """
up --memory 64m --pids-limit 33 --cpus 0.5 web sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
[ $(show MemoryMax) = 67108864 ]; [ $(show TasksMax) = 33 ]; [ $(show CPUQuotaPerSecUSec) = 500ms ]
group=$(find /sys/fs/cgroup -name libpod-$cid.scope -type d); [ $group ]
[ $(cat $group/memory.max $group/container/memory.max 2>/dev/null | grep -v max | head -n 1) = 67108864 ]
[ "$(podman exec $id sh -c 'echo out; exit 7' || echo $?)" = "out
7" ]
podman pause $id; [ $(state) = paused ]; podman unpause $id; [ $(state) = running ]
podman stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' $id | grep '/ *67'
podman top $id | grep sleep
podman stop --time 10 $id; [ "$(podman inspect --format '{{.State.ExitCode}}' $id)" = 3 ]; until [ -z "$(find /sys/fs/cgroup -name libpod-$cid.scope)" ]; do sleep 0.1; done
podman start $id; [ $(state) = running ]; podman kill $id; podman wait $id
podman rm --force $id
"""
COUNT = "'i=0; while :; do i=$((i+1)); echo $i >/tmp/new; mv /tmp/new /tmp/count; sleep 0.1; done'"

ROOT_CASES = {
    "limits_are_systemd_s": "user=\n" + LIMITS,
    "a_container_is_checkpointed_and_restored": f"""
        up web sh -c {COUNT}; counts 3
        podman container checkpoint $id
        [ $(state) = exited ]; [ "$(podman inspect --format '{{{{.State.Checkpointed}}}}' $id)" = true ]
        podman container restore $id
        [ $(state) = running ]; before=$(seen); [ $before -gt 3 ]; counts $before
        podman container checkpoint --leave-running --keep $id; [ $(state) = running ]
        podman stop --time 0 $id
        """,
    "a_checkpoint_is_exported_and_imported_under_another_name": f"""
        up --memory 64m web sh -c {COUNT}; counts 3
        podman container checkpoint --export /tmp/$id.tar.gz --compress gzip $id
        podman rm $id
        podman container restore --import /tmp/$id.tar.gz --name other
        before=$(seen other); [ $before -gt 3 ]; counts $before other
        cid=$(podman inspect --format '{{{{.Id}}}}' other); [ $(systemctl show --value -p MemoryMax libpod-$cid.scope) = 67108864 ]
        podman rm --force --time 0 other
        """,
    "memory_is_dumped_before": f"""
        up web sh -c {COUNT}; counts 3
        podman container checkpoint --pre-checkpoint $id; [ $(state) = running ]
        podman container checkpoint --with-previous $id; [ $(state) = exited ]
        podman container restore $id; [ $(state) = running ]; [ $(seen) -gt 3 ]
        """,
    "a_connection_goes_on": """
        up web sh -c 'sleep 9999 | nc -l -p 99 >/tmp/received & until grep -q ":0063 .* 0A " /proc/net/tcp*; do sleep 0.1; done; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done | nc 127.0.0.1 99'
        received() { podman exec $id cat /tmp/received; }
        until [ $(received | wc -l) -gt 3 ]; do sleep 0.1; done
        podman container checkpoint --tcp-established $id
        podman container restore --tcp-established $id
        before=$(received | wc -l); until [ $(received | wc -l) -gt $before ]; do sleep 0.2; done; received >/tmp/numbers
        seq $(wc -l </tmp/numbers) | cmp - /tmp/numbers
        """,
    "a_terminal_goes_on": """
        up --tty web sh -c 'i=0; while :; do i=$((i+1)); echo $i $(tty); sleep 0.2; done'
        until podman logs $id | grep /dev/pts/0; do sleep 0.2; done
        podman container checkpoint $id; before=$(podman logs $id | grep -c /dev/pts/0)
        podman container restore $id
        until [ $(podman logs $id | grep -c /dev/pts/0) -gt $before ]; do sleep 0.2; done
        """,
}
USER_CASES = {
    "without_privilege_limits_are_those_of_the_user_s_systemd": "user=--user\n" + LIMITS,
    "without_privilege_users_and_files_are_mapped": """
        podman run --rm --network none --entrypoint '' web sh -c 'id -u; touch /tmp/x; chown 33:44 /tmp/x; stat -c %u:%g /tmp/x' | tr '\\n' ' ' | grep '0 33:44'
        podman run --rm --network none --entrypoint '' --user 33:44 web id -u | grep -x 33
        mkdir -p /home/user/volume; echo outside >/home/user/volume/file
        podman run --rm --network none --entrypoint '' --read-only --volume /home/user/volume:/data web sh -c 'cat /data/file; echo in >/data/new; echo x >/x || echo refused'
        [ $(stat -c %U /home/user/volume/new) = user ]
        """,
}

PREPARE = """
for who in '' as_user; do $who podman load --quiet --input /payload/web.tar && $who podman tag $($who podman images --quiet) web; done
clean_up() {
    for who in '' as_user; do $who podman --runtime /payload/bin/nb --cgroup-manager systemd rm --all --force --time 0 >/dev/null; done
}
tell_more() { find /var/lib/containers/storage/overlay-containers /run/containers -name '*.log' -print -exec tail -n 8 {} \\; ; }
"""


def test_podman(nova):
    guest = SystemdGuest(nova, PREPARE, modules=("overlay", "fuse", *CRIU_MODULES))
    shutil.copy2(IMAGES / "web.tar", guest.payload / "web.tar")
    for name, script in ROOT_CASES.items():
        guest.add(name, BEFORE + script)
    for name, script in USER_CASES.items():
        guest.add(name, BEFORE + script, as_user=True)
    guest.run()


run(globals())
