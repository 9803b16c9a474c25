"""Nova's units as `make install` puts them, under Debian's systemd: sockets, groups, restarts, and what outlives them.

A guest boots Debian's cloud kernel and a small Debian (tools/systemd-image) without acceleration. The cases are one story, told in order.
"""
import os
import re
import shutil
import subprocess

from harness import BUILD, IMAGES, run
from systemd_guest import SystemdGuest

BEFORE = """
PATH=$PATH:/usr/local/bin
active() { systemctl is-active --quiet $1; }
show() { systemctl show --value -p $1 $2; }
pid() { nova ls container --output json | tr -d ' \\n' | sed 's/.*"pid":\\([0-9]*\\).*/\\1/'; }
lives() { [ -d /proc/$1 ] && ! grep -q '^State:.Z' /proc/$1/status; }
supervisors() { pgrep -f '^nb supervise' | tr '\n' ' '; }
ticks() { nova logs container steady | grep -c tick; }
"""

CASES = {
    "the_socket_starts_the_service": """
        systemctl enable nova.service 2>&1 | grep nova.socket # It comes along.
        systemctl start nova.socket; active nova.socket; fails active nova.service
        [ "$(stat -c '%a %U %G' /run/nova/nova.sock)" = "660 root nova" ]
        nova version | grep -x "nova [0-9.]*"; fails active nova.service
        nova ls; active nova.service; [ $(show StatusErrno nova.service) = 0 ]
        [ "$(readlink /proc/$(show MainPID nova.service)/exe)" = /usr/local/bin/nova ]
        """,
    "members_of_the_group_are_let_in_and_nobody_else": """
        as_member() { runuser -u user -- env NOVA_ROOT=/ /usr/local/bin/nova "$@"; }
        as_member version; as_member ls
        as_member net create of-a-member --type none; nova net ls | grep of-a-member
        runuser -u user -- nova --root / net rm of-a-member
        code=0; runuser -u nobody -- nova --root / ls || code=$?; [ $code = 4 ]
        """,
    "a_capsule_outlives_a_restart_of_the_service": """
        nova image import /payload/web.tar web
        nova run container steady --image web --detach -- sh -c 'while :; do echo tick; sleep 0.2; done'
        first=$(show MainPID nova.service); pid=$(pid); lives $pid; before=$(ticks); supervisors=$(supervisors); [ "$supervisors" ]
        systemctl restart nova.service
        active nova.service; [ $(show MainPID nova.service) != $first ]; lives $pid; [ $(pid) = $pid ]
        [ "$(supervisors)" = "$supervisors" ]
        until [ $(ticks) -gt $before ]; do sleep 0.2; done
        [ "$(nova exec container steady -- echo inside)" = inside ]
        """,
    "and_the_daemon_s_death": """
        first=$(show MainPID nova.service); pid=$(pid)
        kill -KILL $first
        until active nova.service && [ $(show MainPID nova.service) != $first ]; do sleep 0.2; done
        [ $(show NRestarts nova.service) -ge 1 ]; [ $(pid) = $pid ]; lives $pid
        """,
    "and_the_service_s_stop": """
        pid=$(pid)
        systemctl stop nova.service; fails active nova.service; active nova.socket; lives $pid
        nova ls; active nova.service; [ $(pid) = $pid ]
        systemctl stop nova.socket nova.service; fails active nova.service; fails active nova.socket; lives $pid
        systemctl start nova.service; active nova.socket; [ $(pid) = $pid ]
        """,
    "what_is_taken_away_is_gone_with_the_last_stop": """
        pid=$(pid)
        nova rm container steady; fails lives $pid
        nova image rm web
        systemctl stop nova.socket nova.service
        until [ -z "$(supervisors)" ] && ! pgrep -x nova; do sleep 0.2; done
        until [ ! -e /sys/fs/cgroup/nova ] && [ ! -e /sys/fs/cgroup/system.slice/nova.service ]; do sleep 0.2; done # The last is systemd's to remove.
        [ -z "$(grep /var/lib/nova /proc/self/mountinfo)" ]
        [ "$(systemctl --failed --no-legend | grep nova)" = "" ]
        """,
}

PREPARE = """
cp -a /payload/install/. /
for library in /payload/lib/*; do [ -e /lib/x86_64-linux-gnu/${library##*/} ] || cp $library /lib/x86_64-linux-gnu/; done; ldconfig
systemd-sysusers; usermod -aG nova user; systemctl daemon-reload
tell_more() { journalctl --no-pager -o cat -n 30 -u nova.service -u nova.socket; }
clean_up() { :; }
"""


def install(payload):
    """As `make install PREFIX=/usr/local DESTDIR=…` does once all is built, and the libraries that the guest may lack."""
    subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr/local", "--strip"], env={**os.environ, "DESTDIR": str(payload / "install")},
                   check=True, capture_output=True)
    (payload / "lib").mkdir()
    linked = subprocess.run(["ldd", payload / "install/usr/local/bin/nova"], capture_output=True, text=True, check=True).stdout
    for library in re.findall(r"=> (/\S+) \(0x", linked):
        shutil.copy2(library, payload / "lib")
    shutil.copy2(IMAGES / "web.tar", payload / "web.tar")


def test_systemd_runs_nova_s_units(nova):
    guest = SystemdGuest(nova, PREPARE, modules=("overlay", "libcrc32c", "nfnetlink", "nf_tables"))
    install(guest.payload)
    for name, script in CASES.items():
        guest.add(name, BEFORE + script)
    guest.run()


run(globals())
