"""An image that another file's capsule uses outlives the file that brought it."""
from harness import CAPSULE, alive, eventually, run, web_image

OTHER = 'project = "other"\n[container.guest]\ncapsule = "web"\ncommand = ["/bin/sleep", "1000"]\n'


def test_down_leaves_an_image_that_another_file_s_capsule_uses(nova):
    web_image(nova)
    nova.novafile(CAPSULE)
    nova.run("up")
    nova.novafile(OTHER, "Other")
    nova.run("up", "--file", "Other")
    pid = nova.pid_of("container", "guest")
    layers = nova.root / "state/images/layers"

    done = nova.run("down")
    assert "project test is down" in done.stdout and "web-latest stays" in done.stderr, done
    assert set(nova.items("image")) == {"web-latest"} and set(nova.items("container")) == {"guest"}
    assert nova.object("image", "web-latest")["status"]["phase"] == "Ready" and alive(pid)
    assert "up Pod web" in nova.out("up"), "and the file comes back to it"

    nova.run("down", "--file", "Other")
    assert list(layers.iterdir())
    nova.run("down")
    assert nova.items("image") == {}
    eventually("nothing is left in the store", lambda: not list(layers.iterdir()))


run(globals())
