"""What other runtimes fell for, carried out against nb: each attack is tried, and must not succeed. docs/hardening.md is the table."""
import contextlib
import ctypes
import hashlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import time

from harness import Terminal, eventually, run, web_image
from victim import NB, Victim, compiled, swapping, until_one_started


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def catcher(nova, victim):
    """An attacker as the first process, and a copy of nb that he may not overwrite."""
    shutil.copy2(compiled(nova), victim.rootfs / "bin/attacker")
    (victim.rootfs / "caught").write_text("")
    (victim.rootfs / "bin/self").symlink_to("/proc/self/exe")
    (victim.rootfs / "bin/script").write_text("#!/proc/self/exe\n")
    (victim.rootfs / "bin/script").chmod(0o755)
    victim.config["process"]["noNewPrivileges"] = False
    victim.config["process"]["args"] = ["/bin/attacker", "catch"]


def copy_of_nb(nova):
    copy = nova.root / "nb-copy"
    shutil.copy2(NB, copy)
    return copy


def programs(victim):
    """What leads the runtime back to itself: each four times, and on until the attacker, whom nobody gives time, has held it once."""
    end = time.monotonic() + 60
    for number, program in enumerate(itertools.cycle(("/bin/self", "/bin/script", "/proc/self/exe"))):
        if number >= 12 and (str(NB.stat().st_size) in caught_by(victim) or time.monotonic() > end):
            return
        yield program


def caught_by(victim):
    return (victim.rootfs / "caught").read_text().split()


def check_caught_and_whole(victim, copy, before):
    caught = caught_by(victim)
    assert str(NB.stat().st_size) in caught, f"the attacker never held the runtime: {caught}"
    time.sleep(0.1)  # Nobody runs it now: nothing but the defence keeps the attacker from writing.
    assert digest(copy) == before, "the runtime was overwritten"


def test_exec_into_a_hostile_container_does_not_hand_the_runtime_over(nova):
    """CVE-2019-5736: exec starts "#!/proc/self/exe" or a link to it, and the runtime's file is opened from inside."""
    copy = copy_of_nb(nova)
    before = digest(copy)
    with Victim(nova, copy) as victim:
        catcher(nova, victim)
        victim.start()
        for program in programs(victim):
            victim.nb("exec", victim.id, program, "features")
            if digest(copy) != before:
                break
        check_caught_and_whole(victim, copy, before)


def test_the_entry_process_does_not_hand_the_runtime_over(nova):
    """CVE-2019-5736: the same at the start of a container, seen from another one in the same pid namespace."""
    copy = copy_of_nb(nova)
    before = digest(copy)
    with Victim(nova) as attacker, Victim(nova, copy) as victim:
        catcher(nova, attacker)
        attacker.start()
        spaces = [space for space in victim.config["linux"]["namespaces"] if space["type"] != "pid"]
        victim.config["linux"]["namespaces"] = [*spaces, {"type": "pid", "path": f"/proc/{attacker.pid()}/ns/pid"}]
        (victim.rootfs / "bin/self").symlink_to("/proc/self/exe")
        (victim.rootfs / "bin/script").write_text("#!/proc/self/exe\n")
        (victim.rootfs / "bin/script").chmod(0o755)
        for program in programs(attacker):
            victim.config["process"]["args"] = [program, "features"]
            victim.run()
            if digest(copy) != before:
                break
        check_caught_and_whole(attacker, copy, before)


def leaked(victim):
    """Descriptors of a directory of the host that whoever calls nb left open."""
    return [os.open(victim.outside, os.O_RDONLY | os.O_DIRECTORY) for _ in range(4)]


def test_a_working_directory_is_no_way_out(nova):
    """CVE-2024-21626: process.cwd and exec --cwd lead through a descriptor, a link in the image too."""
    with Victim(nova) as victim:
        kept = leaked(victim)
        victim.shell("cat secret; cat ../*/secret")
        places = [f"/proc/self/fd/{fd}" for fd in range(3, max(kept) + 4)]
        for place in (*places, "/way"):
            victim.config["process"]["cwd"] = place
            (victim.rootfs / "way").unlink(missing_ok=True)
            (victim.rootfs / "way").symlink_to(f"/proc/self/fd/{kept[0]}")
            done = victim.run(pass_fds=kept)
            assert "the host's" not in done.stdout, f"run in {place}: {done.stdout}"
        victim.config["process"]["cwd"] = "/"
        victim.shell("sleep 1000")
        victim.start()
        for place in (*places, "/way"):
            done = victim.nb("exec", "--cwd", place, victim.id, "sh", "-c", "cat secret; cat ../*/secret", pass_fds=kept)
            assert "the host's" not in done.stdout, f"exec in {place}: {done.stdout}"
        for fd in kept:
            os.close(fd)


def test_a_descriptor_that_is_handed_on_is_no_working_directory(nova):
    """CVE-2024-21626: --preserve-fds passes a directory on purpose; to work in it would be a mistake all the same."""
    with Victim(nova) as victim:
        victim.shell("sleep 1000")
        victim.start()
        script = f'exec 3<{victim.outside}; exec "$@"'
        words = victim.command("exec", "--preserve-fds", "1", "--cwd", "/proc/self/fd/3", victim.id, "cat", "secret")
        done = subprocess.run(["sh", "-c", script, "sh", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "outside the container's root" in done.stderr, done
        assert "the host's" not in done.stdout


def test_no_descriptor_of_the_caller_is_inherited(nova):
    with Victim(nova) as victim:
        kept = leaked(victim)
        victim.config["process"]["args"] = ["ls", "/proc/self/fd"]
        assert victim.run(pass_fds=kept).stdout.split() == ["0", "1", "2", "3"]  # 3 is that of ls.
        victim.shell("sleep 1000")
        held = victim.bundle / "held"
        look = f"""ls -l /proc/$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')/fd >{held}"""
        victim.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", look]}]}
        victim.write()
        with open(victim.bundle / "words", "w", encoding="utf-8") as words:  # A pipe would be held open by what waits.
            subprocess.run(victim.command("create", "--bundle", victim.bundle, victim.id), pass_fds=kept, stdout=words, stderr=words, check=True)
        subprocess.run(["sh", "-c", f"ls -l /proc/{victim.pid()}/fd >>{held}"], check=True)
        assert "socket:" in held.read_text() and str(victim.outside) not in held.read_text(), f"while it is made, or waits: {held.read_text()}"
        victim.nb("delete", "--force", victim.id)
        del victim.config["hooks"]
        victim.start()
        assert victim.nb("exec", victim.id, "ls", "/proc/self/fd", pass_fds=kept).stdout.split() == ["0", "1", "2", "3"]
        for fd in kept:
            os.close(fd)


def test_a_working_directory_is_made_in_the_root(nova):
    """WORKDIR through a link of the image."""
    with Victim(nova) as victim:
        victim.replace("work", victim.outside)
        victim.config["process"]["cwd"] = "/work/made"
        victim.shell("cat ../secret; pwd")
        done = victim.run()
        assert "the host's" not in done.stdout
        victim.check_untouched()


def test_masked_paths_do_not_show_the_image_s_null_device(nova):
    """CVE-2025-31133: /dev/null of the image is a link to what the attacker wants to have bound."""
    for fake in ("link", "file", "bind"):
        with Victim(nova) as victim:
            victim.watch()
            (victim.rootfs / "etc/hidden").write_text("hidden")
            (victim.rootfs / "etc/bait").write_text("bait")
            victim.config["linux"]["maskedPaths"] = ["/etc/hidden"]
            if fake == "link":
                victim.without_mount("/dev")
                victim.replace("dev/null", "/etc/bait")
            elif fake == "file":
                victim.without_mount("/dev")
                (victim.rootfs / "dev/null").write_text("bait")
            else:
                devices = victim.bundle / "devices"
                for name in ("pts", "shm"):
                    (devices / name).mkdir(parents=True)
                (devices / "null").write_text("bait")
                victim.without_mount("/dev")
                victim.config["mounts"].insert(1, {"destination": "/dev", "type": "bind", "source": str(devices), "options": ["rbind"]})
            victim.shell("stat -c '%F %t:%T' /etc/hidden; cat /etc/hidden")
            done = victim.run()
            assert "bait" not in done.stdout and "hidden" not in done.stdout.replace("/etc/hidden", ""), (fake, done)
            assert done.returncode != 0 or done.stdout == "character special file 1:3\n", (fake, done)
            assert (victim.rootfs / "etc/hidden").read_text() == "hidden"
            victim.check_untouched()


def test_a_null_device_that_is_none_is_not_used(nova):
    """CVE-2025-31133: what lies at /dev/null when nb looks is another file."""
    with Victim(nova) as victim:
        fake = nova.root / "fake"
        fake.write_text("bait")
        victim.config["linux"]["maskedPaths"] = ["/etc/hidden"]
        (victim.rootfs / "etc/hidden").write_text("hidden")
        victim.shell("cat /etc/hidden")
        victim.write()
        # In a mount namespace of its own; the shell opens nothing there.
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /dev/null; exec "$@"', fake,
                               *victim.command("run", "--bundle", victim.bundle, victim.id)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and "/dev/null is not the null device" in done.stderr, done
        assert "bait" not in done.stdout


def test_the_console_stays_in_the_root(nova):
    """CVE-2025-52565: /dev/console, /dev/pts or its ptmx of the image lead elsewhere."""
    for attack in ("console", "pts", "ptmx"):
        with Victim(nova) as victim:
            victim.watch()
            victim.without_mount("/dev", "/dev/shm", *(["/dev/pts"] if attack == "ptmx" else []))
            victim.config["process"]["terminal"] = True
            victim.config["process"]["args"] = ["echo", "it", "ran"]
            up = "../" * 20
            if attack == "console":
                victim.replace("dev/console", f"{up}{victim.outside}/secret")
            elif attack == "pts":
                victim.replace("dev/pts", f"{up}{victim.outside}")
            else:
                victim.replace("dev/pts/ptmx", f"{up}{victim.outside}/secret")
            victim.write()
            with contextlib.closing(Terminal(nova, command=victim.command("run", "--bundle", victim.bundle, victim.id))) as terminal:
                terminal.wait()
            victim.check_untouched()
            assert attack == "ptmx" or (victim.bundle / "mounts").exists(), f"{attack}: the container did not come that far"


def test_a_terminal_that_is_none_is_not_used(nova):
    """CVE-2025-52565: what the image has in the place of the terminals' device is told from one."""
    with Victim(nova) as victim:
        victim.without_mount("/dev", "/dev/pts", "/dev/shm")
        (victim.rootfs / "dev/pts").mkdir(parents=True, exist_ok=True)
        victim.config["process"]["terminal"] = True
        for make in (lambda path: path.write_text("bait"), os.mkfifo, lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))):
            (victim.rootfs / "dev/pts/ptmx").unlink(missing_ok=True)
            make(victim.rootfs / "dev/pts/ptmx")
            done = victim.run()
            assert done.returncode == 1 and "/dev/pts/ptmx of the container is not a terminal's" in done.stderr, done


def test_a_terminal_s_other_end_is_not_looked_up_by_name(nova):
    """CVE-2025-52565: beside the real device for new terminals lie files of the image, with the names that those will have."""
    with Victim(nova) as victim:
        victim.without_mount("/dev", "/dev/pts", "/dev/shm")
        (victim.rootfs / "dev/pts").mkdir(parents=True, exist_ok=True)
        baits = [victim.rootfs / f"dev/pts/{number}" for number in range(64)]
        for bait in baits:
            bait.write_text("bait")
        victim.mount("/dev/pts/ptmx", "bind", "/dev/pts/ptmx", "bind")
        victim.mount("/dev/pts/pts", "bind", "/dev/pts", "bind")  # Where the kernel looks for them.
        victim.config["process"] |= {"terminal": True, "args": ["sh", "-c", "echo it ran; cat /dev/console"]}
        victim.write()
        with contextlib.closing(Terminal(nova, command=victim.command("run", "--bundle", victim.bundle, victim.id))) as terminal:
            terminal.read_until("it ran")
            terminal.type("echoed\n")
            terminal.read_until("echoed\r\nechoed")  # By the terminal, and by the program that reads it.
        assert {bait.read_text() for bait in baits} == {"bait"}


def test_dev_as_a_link_leads_nowhere(nova):
    """CVE-2026-41579, CVE-2026-47766: the image's /dev is a link to a directory of the host."""
    for target in ("absolute", "relative"):
        for with_tmpfs in (True, False):
            with Victim(nova) as victim:
                victim.watch()
                victim.replace("dev", victim.outside if target == "absolute" else f"{'../' * 20}{victim.outside}")
                victim.config["linux"]["devices"] = [{"type": "c", "path": "/dev/own", "major": 1, "minor": 5}]
                if not with_tmpfs:
                    victim.without_mount("/dev", "/dev/pts", "/dev/shm")
                victim.run()
                victim.check_untouched()


def test_proc_and_sys_as_links_are_refused(nova):
    """CVE-2019-19921, CVE-2023-27561, CVE-2025-52881: /proc of the image leads elsewhere, and with it what is written there."""
    for place in ("proc", "sys"):
        with Victim(nova) as victim:
            victim.watch()
            (victim.rootfs / "tmp/fake").mkdir()
            victim.replace(place, "/tmp/fake")
            done = victim.run()
            assert done.returncode == 1 and "symbolic link" in done.stderr, (place, done)
            victim.check_untouched()


def test_a_sysctl_is_written_to_the_kernel_only(nova):
    """CVE-2025-52881: a /proc of the image's making."""
    with Victim(nova) as victim:
        fake = victim.rootfs / "proc/sys/net/ipv4/ip_forward"
        fake.parent.mkdir(parents=True)
        fake.write_text("untouched")
        victim.config["mounts"][0]["destination"] = "/real"
        victim.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
        victim.shell("cat /real/sys/net/ipv4/ip_forward")
        done = victim.run()
        assert done.stdout == "1\n", done
        assert fake.read_text() == "untouched"


def test_a_sysctl_s_name_does_not_climb(nova):
    """CVE-2025-52881: a name that begins as one of a namespace and ends at another file of /proc. That file is the container's here."""
    for name in ("net/../kernel/hostname", "net.//.kernel.hostname", "net/ipv4/../../kernel/hostname", "net..kernel..hostname", "net/../../sys/kernel/hostname"):
        with Victim(nova) as victim:
            victim.config["linux"]["sysctl"] = {name: "climbed"}
            victim.config["process"]["args"] = ["hostname"]
            done = victim.run()
            assert done.returncode == 1 and "linux.sysctl" in done.stderr and "climbed" not in done.stdout, (name, done)


def test_a_joined_mount_namespace_redirects_no_write(nova):
    """CVE-2025-52881: a container joins the mount namespace of one that has plain files where the kernel's are written."""
    with Victim(nova) as attacker, Victim(nova) as victim:
        attacker.shell("""mount -t tmpfs fake /proc; mkdir -p /proc/self /proc/sys/net/ipv4
            touch /proc/self/oom_score_adj /proc/self/timens_offsets /proc/sys/net/ipv4/ip_forward /ready; exec sleep 1000""")
        attacker.start()
        eventually("the trap is laid", (attacker.rootfs / "ready").exists)
        shutil.copytree(victim.rootfs, attacker.rootfs / victim.rootfs.relative_to("/"), symlinks=True)
        spaces = [space for space in victim.config["linux"]["namespaces"] if space["type"] != "mount"]
        victim.config["linux"]["namespaces"] = [*spaces, {"type": "time"}, {"type": "mount", "path": f"/proc/{attacker.pid()}/ns/mnt"}]
        victim.config["linux"] |= {"sysctl": {"net.ipv4.ip_forward": "1"}, "timeOffsets": {"boottime": {"secs": 7000000}}}
        victim.config["process"]["oomScoreAdj"] = 500
        victim.shell("cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward; cut -c 1 /proc/uptime")
        done = victim.run()
        assert done.stdout == "500\n1\n7\n", done


def test_exec_takes_no_user_that_it_does_not_understand(nova):
    """CVE-2026-30892: what is not understood becomes root."""
    with Victim(nova) as victim:
        victim.shell("sleep 1000")
        victim.start()
        for user in ("0x0", "1000:", "-1", " 0", "0 ", "4294967296", "4294967295", "1e3", "+5", "5:6:7", ":5", "", "root", "5:-1", "5:0x0", "0\n"):
            done = victim.nb("exec", f"--user={user}", victim.id, "id", "-u")
            assert done.returncode == 1 and "--user" in done.stderr and not done.stdout, (user, done)
        assert victim.nb("exec", "--user=5:6", victim.id, "id", "-u").stdout == "5\n"


def test_nothing_is_inheritable_by_default(nova):
    """CVE-2022-29162, CVE-2022-27650: inheritable capabilities, for whoever asked for none."""
    with Victim(nova) as victim:
        victim.nb("spec", cwd=victim.bundle)
        spec = json.loads((victim.bundle / "config.json").read_text())
        assert spec["process"]["capabilities"]["bounding"], "the example gives some"
        spec["process"] |= {"terminal": False, "args": ["grep", "Cap", "/proc/self/status"]}
        victim.config = spec
        sets = dict(line.split() for line in victim.run().stdout.splitlines())
        assert int(sets["CapInh:"], 16) == int(sets["CapAmb:"], 16) == 0 and int(sets["CapEff:"], 16) != 0, sets
        spec["process"]["args"] = ["sleep", "1000"]
        victim.start()
        for words in ((), ("--cap", "CAP_NET_RAW"), ("--cap", "NET_ADMIN", "--user", "5:6")):
            done = victim.nb("exec", *words, victim.id, "grep", "Cap", "/proc/self/status")
            sets = dict(line.split() for line in done.stdout.splitlines())
            assert int(sets["CapInh:"], 16) == int(sets["CapAmb:"], 16) == 0, (words, sets)


def test_a_capsule_has_nothing_inheritable(nova):
    """CVE-2022-29162: the same for what Nova itself runs: the first program, what exec adds, and another user's."""
    web_image(nova)
    nova.novafile('project = "test"\n[image.web]\nsource = "images/web.tar"\n[container.web]\ncapsule = "web"\ncommand = "sleep 1000"\n').run("up")
    for words in (("grep", "Cap", "/proc/1/status"), ("grep", "Cap", "/proc/self/status")):
        sets = dict(line.split() for line in nova.out("exec", "container", "web", "--", *words).splitlines())
        assert int(sets["CapInh:"], 16) == int(sets["CapAmb:"], 16) == 0 and int(sets["CapBnd:"], 16) != 0, (words, sets)


def test_a_race_at_the_mount_points_is_not_won(nova):
    """CVE-2021-30465, CVE-2023-28642, CVE-2024-45310: a mount point becomes a link to a directory of the host and back."""
    with Victim(nova) as victim:
        (victim.rootfs / "place").mkdir()
        (victim.rootfs / "link").symlink_to(f"{'../' * 20}{victim.outside}")
        for name in ("a", "b", "c/d"):
            victim.mount(f"/place/{name}", "tmpfs", "tmpfs")
        (victim.bundle / "file").write_text("bound")
        victim.mount("/place/f/file", "bind", victim.bundle / "file", "bind")
        victim.config["linux"]["devices"] = [{"type": "c", "path": "/place/own", "major": 1, "minor": 5}]
        victim.config["linux"]["maskedPaths"] = ["/place/secret"]
        starts = 0
        with swapping(nova, victim.rootfs / "place", victim.rootfs / "link"):
            for _ in until_one_started(3, lambda: starts):
                victim.watch()
                starts += victim.run().returncode == 0
                victim.check_untouched()
        assert starts > 0, "no container ever came up: nothing was raced"


def test_no_mount_of_a_container_reaches_the_host(nova):
    """Skipping MS_PRIVATE leaked mounts where the host's mounts are shared, as systemd makes them."""
    for propagation in ("", "rprivate", "rslave", "shared", "rshared"):
        with Victim(nova) as victim:
            if propagation:
                victim.config["linux"]["rootfsPropagation"] = propagation
            (victim.outside / "below").mkdir()
            victim.mount("/volume", "bind", victim.outside, "rbind")
            victim.mount("/volume/below", "tmpfs", "tmpfs")
            victim.shell("mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /var && grep -c ' /tmp ' /proc/mounts")
            victim.write()
            script = 'mount --make-rshared /; before=$(cat /proc/self/mountinfo); "$@"; test "$before" = "$(cat /proc/self/mountinfo)" || echo LEAKED'
            done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
                                   *victim.command("run", "--bundle", victim.bundle, victim.id)],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            assert done.stdout == "1\n", (propagation, done)


def test_closed_standard_streams_do_not_hand_the_runtime_over(nova):
    """The mount that nb is started from took the number of a closed stream, and went on as the container's: a way to nb's file."""
    with Victim(nova) as victim:
        victim.config["root"]["readonly"] = False
        look = "for i in 0 1 2; do x=$(readlink /proc/1/fd/$i); echo \"$x\" >>/streams; done"
        for closed in ((0, 1), (0, 1, 2), (1, 2)):
            (victim.rootfs / "streams").write_text("")
            victim.config["process"]["args"] = ["sh", "-c", look]
            victim.run(preexec_fn=lambda: [os.close(one) for one in closed])
            streams = (victim.rootfs / "streams").read_text().split()
            assert len(streams) == 3 and {streams[one] for one in closed} == {"/dev/null"}, (closed, streams)


def test_no_container_sees_more_cgroups_than_its_caller(nova):
    """nb in a cgroup namespace of its own, with the host's cgroups mounted: its containers were shown the host's root of them."""
    new_cgroup_namespace = 0x02000000
    with Victim(nova) as victim:
        groups = [pathlib.Path(f"/sys/fs/cgroup/{name}/{victim.id}-outer") for name in ("blkio", "memory")]
        if not all((group.parent / "tasks").exists() for group in groups):
            return  # Version 2 has one hierarchy, in which the container has its part.

        def enter():
            for group in groups:
                (group / "tasks").write_text("0")
            assert ctypes.CDLL(None).unshare(new_cgroup_namespace) == 0

        try:
            for group in groups:
                group.mkdir()
            victim.config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]})
            victim.config["process"]["args"] = ["sh", "-c", "cd /sys/fs/cgroup; ls -d */*-outer; ls -d memory/tasks blkio/tasks"]
            done = victim.run(preexec_fn=enter)
            assert done.stdout.split() == ["blkio/tasks", "memory/tasks"], done
        finally:
            for group in groups:
                eventually("the group is empty", lambda place=group: place.rmdir() or True)  # Else that is refused.


def test_ignored_and_blocked_signals_are_not_inherited(nova):
    """Skipping the reset of signals leaked an ignored SIGPIPE: "yes | head" then never ends."""
    def ignore():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])

    def check(done):
        masks = dict(line.split() for line in done.stdout.splitlines())
        assert int(masks["SigIgn:"], 16) == int(masks["SigBlk:"], 16) == 0, masks

    with Victim(nova) as victim:
        look = ["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"]
        victim.config["process"]["args"] = look
        check(victim.run(preexec_fn=ignore, restore_signals=False))
        victim.config["process"]["args"] = ["sleep", "1000"]
        victim.start()
        check(victim.nb("exec", victim.id, *look, preexec_fn=ignore, restore_signals=False))


def test_a_caller_that_ignores_the_ends_of_children_hears_ours(nova):
    """An ignored SIGCHLD is inherited over exec: the kernel then reaps children itself, and nobody hears how they ended."""
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)}
    with Victim(nova) as victim:
        hook = {"path": "/bin/sh", "args": ["sh", "-c", "exit 0"]}
        victim.config["hooks"] = {"createRuntime": [hook], "poststop": [hook]}
        victim.config["process"]["args"] = ["sh", "-c", "exit 7"]
        done = victim.run(**ignore)
        assert (done.returncode, done.stderr) == (7, ""), done
        assert victim.nb("list", "--quiet").stdout == "", "it was left behind"
        victim.config["process"]["args"] = ["sleep", "1000"]
        victim.start()
        done = victim.nb("exec", victim.id, "sh", "-c", "exit 5", **ignore)
        assert (done.returncode, done.stderr) == (5, ""), done


run(globals())
