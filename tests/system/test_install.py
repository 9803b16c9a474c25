"""What `make install` puts where, and that it can be used from there."""
import configparser
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import BUILD, run

INSTALLED = ["bin/nova", "bin/nb", "bin/nb-nebulon", "lib/systemd/system/nova.service", "lib/systemd/system/nova.socket", "lib/sysusers.d/nova.conf",
             "share/bash-completion/completions/nova", "share/zsh/vendor-completions/_nova", "share/fish/vendor_completions.d/nova.fish"]


def install(root, prefix):
    """As `make install PREFIX=… DESTDIR=…` does once all is built."""
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], env={**os.environ, "DESTDIR": str(root)}, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def unit(path):
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read(path)
    return parser


def test_the_units_name_the_program_where_it_is(nova):
    for prefix in ("/usr/local", "/opt/nova"):
        root = pathlib.Path(tempfile.mkdtemp(prefix="nova-install-", dir=nova.root))
        install(root, prefix)
        place = root / prefix.lstrip("/")
        missing = [name for name in INSTALLED if not (place / name).is_file()]
        assert not missing, missing
        service, socket = (unit(place / "lib/systemd/system" / name) for name in ("nova.service", "nova.socket"))
        program, *words = service["Service"]["ExecStart"].split()
        assert program == f"{prefix}/bin/nova" and words == ["server"], (program, words)
        assert os.access(root / program.lstrip("/"), os.X_OK)
        assert "@" not in (place / "lib/systemd/system/nova.service").read_text()
        group = socket["Socket"]["SocketGroup"]
        assert f"g {group} " in (place / "lib/sysusers.d/nova.conf").read_text(), "the group of the socket is made"
        shutil.rmtree(root)


def test_systemd_takes_the_units(nova):
    if not shutil.which("systemd-analyze"):
        print("  systemd-analyze is not installed: not tried", flush=True)
        return
    root = pathlib.Path(tempfile.mkdtemp(prefix="nova-install-", dir=nova.root))
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)  # What ours stand on: sysinit.target.
    install(root, "/usr/local")
    for name in ("nova.service", "nova.socket"):
        done = subprocess.run(["systemd-analyze", f"--root={root}", "verify", name], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "nova." not in done.stderr, done.stderr


run(globals())
