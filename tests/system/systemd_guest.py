"""A guest with a small Debian (tools/systemd-image) whose first process is systemd. Its cases run as root, or as "user" with a session of
systemd's and a cgroup that is delegated to it.
"""
import subprocess

from guest import CASES_HEAD, DISK_MODULES, RUN_CASES, Machine, install_busybox, pack, run_cases, write_cases, write_modules, write_program
from harness import BUILD, IMAGES, SOURCE

AS_USER = """
exec runuser -u user -- env HOME=/home/user XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus id=$id \\
    systemd-run --quiet --user --scope -p Delegate=yes timeout -s KILL 500 sh -eux /payload/user/$id
"""

# Runs as root, when systemd has started everything.
RUNNER_HEAD = """#!/bin/sh
exec >/dev/console 2>&1
export PATH=/payload/bin:/usr/bin:/usr/sbin:/bin:/sbin HOME=/root
echo; echo "guest: systemd $(systemctl --version | head -n 1), $(systemctl is-system-running)"
as_user() { runuser -u user -- env HOME=/home/user XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"; }
""" + CASES_HEAD + """
cases=/payload/cases
run_case() { timeout -s KILL 500 sh -eux $1; }
"""
RUNNER_TAIL = """
echo "guest: left $(find /sys/fs/cgroup -name 'nb-*' -o -name 'libpod-*' | tr '\\n' ' ')"
systemctl poweroff -ff
"""

UNIT = """[Unit]
Description=The test
After=multi-user.target user@1000.service
Wants=user@1000.service
[Service]
Type=exec
ExecStart=/payload/run
"""

INIT = """#!/bin/sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; dmesg -n 1
for module in $(cat /lib/modules/order); do insmod /lib/modules/$module.ko; done
mkdir /new; mount -t ext4 /dev/vda /new || { echo "guest: no disk"; poweroff -f; }
cp -a /payload /new/payload; cp /test.service /new/etc/systemd/system/
mkdir -p /new/etc/systemd/system/multi-user.target.wants /new/var/lib/systemd/linger; touch /new/var/lib/systemd/linger/user
ln -s /etc/systemd/system/test.service /new/etc/systemd/system/multi-user.target.wants/
umount /proc /sys; mount --move /dev /new/dev
exec switch_root /new /sbin/init
"""


class SystemdGuest:
    """What is written into `payload` before run() is at /payload in there; `prepare` is shell, run before the cases."""

    def __init__(self, nova, prepare, modules=()):
        self.nova, self.prepare = nova, prepare
        self.root = nova.root / "guest"
        self.payload = self.root / "payload"
        self.cases, self.of_user = {}, {}
        install_busybox(self.root)
        (self.payload / "bin").mkdir(parents=True)
        subprocess.run(["strip", "-o", self.payload / "bin/nb", BUILD / "src/apps/nb/nb"], check=True)
        write_modules(self.root / "lib/modules", (*DISK_MODULES, "autofs4", *modules))

    def add(self, name, script, as_user=False):
        self.cases[name] = AS_USER if as_user else script
        if as_user:
            self.of_user[name] = script

    def run(self):
        image = subprocess.run([SOURCE / "tools/systemd-image", IMAGES / "cache"], check=True, capture_output=True, text=True).stdout.strip()
        write_cases(self.payload / "cases", self.cases, before="")
        write_cases(self.payload / "user", self.of_user, before="")
        write_program(self.root / "init", INIT)
        write_program(self.payload / "run", RUNNER_HEAD + self.prepare + RUN_CASES + RUNNER_TAIL)
        (self.root / "test.service").write_text(UNIT)
        packed = pack(self.root, self.nova.root / "guest.initramfs")
        run_cases(self.cases, Machine(IMAGES / "vmlinuz", packed, disk=image, words="systemd.show_status=false", processors=2, seconds=1700))
