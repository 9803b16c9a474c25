"""Who may use root's Nova: root, and the members of the group `nova`; by the socket's mode and by what the kernel says of who connects."""
import os
import shutil
import subprocess
import tempfile

from harness import NOVA, run

PERMISSION = 4


def own_accounts(nova):
    """An /etc of this test's own, with real users: one has the group as his first, one as a further one, one not at all."""
    etc = tempfile.mkdtemp(prefix="nova-etc-", dir=nova.root)
    for name in ("passwd", "group", "shadow", "gshadow", "login.defs", "nsswitch.conf"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy2(f"/etc/{name}", etc)
    with open(f"{etc}/group", encoding="utf-8") as group:
        assert "\nnova:" not in group.read(), "the host has this group: which members it has is not this test's to say"
    subprocess.run(["mount", "--bind", etc, "/etc"], check=True)
    for command in ("groupadd nova", "useradd -M -N -g nova first", "useradd -M -U -G nova further", "useradd -M -U stranger"):
        subprocess.run(command.split(), check=True)
    os.chmod(nova.root, 0o711)


def as_user(nova, user, *words):
    command = ["setpriv", f"--reuid={user}", "--regid", str(group_of(user)), "--init-groups", NOVA, "--root", nova.root, *words]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=60)


def group_of(user):
    return int(subprocess.run(["id", "-g", user], capture_output=True, text=True, check=True).stdout)


def test_members_of_the_group_are_let_in_and_nobody_else(nova):
    own_accounts(nova)
    try:
        nova.run("ls")
        for member in ("first", "further"):
            done = as_user(nova, member, "net", "create", f"of-{member}", "--type", "none")
            assert done.returncode == 0, (member, done)
            assert f"of-{member}" in as_user(nova, member, "net", "ls").stdout
        refused = as_user(nova, "stranger", "ls")
        assert refused.returncode == PERMISSION and refused.stderr, refused
        # A socket that somebody opened to all is not enough: the daemon asks the kernel who it is.
        os.chmod(nova.root / "run/nova.sock", 0o666)
        refused = as_user(nova, "stranger", "ls")
        assert refused.returncode == PERMISSION and "uid" in refused.stderr, refused
        assert as_user(nova, "further", "ls").returncode == 0
        # Who has left the group is out with his next connection.
        subprocess.run(["gpasswd", "-d", "further", "nova"], check=True, capture_output=True)
        assert as_user(nova, "further", "ls").returncode == PERMISSION
        for member in ("first", "further"):
            nova.run("net", "delete", f"of-{member}")
    finally:
        subprocess.run(["umount", "-l", "/etc"], check=True)


run(globals())
