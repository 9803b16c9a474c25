"""Nova on a host that has no locale but C: names in images are bytes, and stay what they are."""
import hashlib
import io
import json
import os
import subprocess
import tarfile

from harness import alive, run

NAMES = ["plain", "grüße", "日本語", "a" * 120 + "ü", "\udcff-no-utf8"]


def layer(form):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for number, name in enumerate(NAMES):
            entry = tarfile.TarInfo(f"names/{name}")
            entry.size = 1
            tar.addfile(entry, io.BytesIO(str(number).encode()))
            link = tarfile.TarInfo(f"names/link-{number}")
            link.type, link.linkname = tarfile.SYMTYPE, name
            tar.addfile(link)
            hard = tarfile.TarInfo(f"names/hard-{number}")
            hard.type, hard.linkname = tarfile.LNKTYPE, f"names/{name}"
            tar.addfile(hard)
    return stream.getvalue()


def layout(path, data):
    (path / "blobs/sha256").mkdir(parents=True)

    def blob(content, kind):
        digest = hashlib.sha256(content).hexdigest()
        (path / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + digest, "size": len(content)}
    one = blob(data, "layer.v1.tar")
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [one["digest"]]}}).encode(),
                  "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "config": config, "layers": [one]}).encode(), "manifest.v1+json")
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def test_images_are_imported_without_the_locale(nova):
    subprocess.run(["mount", "-t", "tmpfs", "none", "/usr/lib/locale"], check=True)
    try:
        nova.run("ls")
        daemon = nova.daemon_pid()
        for name, form in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT)):
            layout(nova.project / name, layer(form))
            nova.run("image", "import", name, name)
            assert nova.daemon_pid() == daemon and alive(daemon)
        for unpacked in (nova.root / "state/images/layers").iterdir():
            names = unpacked / "names"
            wanted = {*NAMES, *(f"{kind}-{number}" for kind in ("link", "hard") for number in range(len(NAMES)))}
            assert set(os.listdir(names)) == wanted, (unpacked, sorted(set(os.listdir(names)) ^ wanted))
            for number, name in enumerate(NAMES):
                assert os.readlink(names / f"link-{number}") == name
                assert (names / f"hard-{number}").read_text() == str(number) == (names / name).read_text()
                assert (names / name).stat().st_nlink == 2
        assert len(list((nova.root / "state/images/layers").iterdir())) == 2
    finally:
        subprocess.run(["umount", "/usr/lib/locale"], check=True)


run(globals())
