"""The command line itself: help, mistakes, completion, forms of output, exit codes, plans."""
import json
import os
import re
import shlex
import shutil
import subprocess

import yaml

from harness import CAPSULE, NOVA, Failed, Terminal, alive, eventually, run, web_image

NOT_FOUND, CONFIGURATION, USAGE = 2, 6, 64


def commands(nova):
    """Every command and every command of a noun, from the help texts."""
    def below(path):
        told = nova.out(*path, "--help")
        _, found, rest = told.partition("Subcommands:\n")
        for line in rest.splitlines() if found else []:
            if not re.match(r"  \S", line):
                if line.strip() == "" or not line.startswith(" "):
                    break
                continue
            name = line.split()[0].split(",")[0]
            yield [*path, name]
            yield from below([*path, name])
    return list(below([]))


def test_every_command_has_help_with_an_example(nova):
    found = commands(nova)
    names = {" ".join(words) for words in found}
    assert {"up", "down", "plan", "ls", "status", "logs", "exec", "console", "net create", "image import", "server stop", "completion", "doctor"} <= names, names
    silent = [" ".join(words) for words in found if not re.search(r"Examples?:\n  nova " + words[0], nova.out(*words, "--help"))]
    assert not silent, f"no example in the help of {silent}"
    assert "Exit codes" in nova.out("--help")
    assert not (nova.root / "run").exists(), "help starts no daemon"


def test_mistakes_of_usage_end_with_64_and_a_hint(nova):
    for words in (["ups"], ["ls", "--bogus"], ["frobnicate"], ["net"], ["net", "frobnicate"], ["ls", "--output", "xml"], ["run", "boat", "x"], ["exec"], ["exec", "web"],
                  ["exec", "web", "--"], ["exec", "container", "web", "--"], ["exec", "a", "b", "c", "--", "true"],
                  ["logs", "a", "b", "c"], ["completion", "tcsh"], ["up", "--timeout", "soon"], []):
        done = nova.run(*words, check=False)
        assert done.returncode == USAGE, (words, done.returncode, done.stdout, done.stderr)
        assert "--help" in done.stderr or "nova up" in done.stdout, (words, done.stderr)
    assert "did you mean" in nova.run("ups", check=False).stderr.lower(), nova.run("ups", check=False).stderr


def test_completion_completes(nova):
    script = nova.project / "nova.bash"
    script.write_text(nova.out("completion", "bash"))

    def complete(*words):
        done = subprocess.run(["bash", "-c", 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nova; printf "%s\n" "${COMPREPLY[@]}"', "bash",
                               script, *words], capture_output=True, text=True, check=True)
        assert done.stderr == "", done.stderr
        return done.stdout.split()
    assert complete("nova", "sta") == ["start", "status"] or set(complete("nova", "sta")) == {"start", "status"}
    assert set(complete("nova", "net", "")) >= {"ls", "inspect", "create", "delete"}
    assert complete("nova", "net", "cr") == ["create"]
    assert "--dhcp-range" in complete("nova", "net", "create", "--d")
    assert "--follow" in complete("nova", "logs", "--f")
    assert "--root" in complete("nova", "logs", "--ro")
    for shell, check in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
        path = nova.project / f"nova.{shell}"
        path.write_text(nova.out("completion", shell))
        assert "nova" in path.read_text()
        if shutil.which(shell):
            subprocess.run([*check, path], check=True)
    if shutil.which("fish"):
        done = subprocess.run(["fish", "-c", f"source {nova.project}/nova.fish; complete -C 'nova sta'"], capture_output=True, text=True, check=True)
        assert {line.split("\t")[0] for line in done.stdout.splitlines()} >= {"start", "status"}, done.stdout


def test_every_form_of_output_parses_and_none_has_escapes(nova):
    web_image(nova)
    nova.novafile(CAPSULE)
    nova.run("up")
    for words in (["ls"], ["net", "ls"], ["ls", "net"], ["ls", "image"], ["image", "ls"], ["status"], ["status", "container", "web"], ["plan"], ["events"], ["doctor"],
                  ["version"], ["net", "inspect", "lab"]):
        one = json.loads(nova.run(*words, "--output", "json", check=words != ["doctor"]).stdout)
        other = yaml.safe_load(nova.run(*words, "--output", "yaml", check=words != ["doctor"]).stdout)
        assert type(one) is type(other) and set(one) == set(other), words
        for form in ("table", "wide", "name"):
            done = nova.run(*words, "--output", form, check=words != ["doctor"])
            assert "\033" not in done.stdout + done.stderr, words
            assert done.stdout, (words, form)
    assert nova.out("ls", "--output", "name") == "container/web\n"
    assert nova.out("ls", "net", "-o", "name") == "net/lab\n"
    wide = nova.out("ls", "--output", "wide").splitlines()
    assert "PID" in wide[0] and str(nova.pid_of("container", "web")) in wide[1], wide
    listed = json.loads(nova.out("ls", "--output", "json"))
    assert [item["kind"] for item in listed["items"]] == ["Pod"]
    with_terminal = Terminal(nova, "ls")
    assert with_terminal.wait() == 0
    with_terminal.close()


def test_exit_codes_say_what_it_was(nova):
    for words in (["status", "nothing"], ["stop", "vm", "nothing"], ["logs", "nothing"], ["net", "inspect", "nothing"], ["net", "delete", "nothing"],
                  ["image", "rm", "nothing"], ["rm", "container", "nothing"], ["console", "nothing"]):
        done = nova.run(*words, check=False)
        assert done.returncode == NOT_FOUND and "nothing" in done.stderr, (words, done.returncode, done.stderr)
    for words in (["ls", "boats"], ["image", "import", "none.tar"], ["net", "create", "lab", "--subnet", "10.0.0.0/99"], ["net", "create", "No_Label"],
                  ["run", "container", "x", "--image", "web", "-p", "99999:1", "--", "true"]):
        done = nova.run(*words, check=False)
        assert done.returncode == CONFIGURATION and len(done.stderr) > 10, (words, done.returncode, done.stderr)


def test_mistakes_are_told_in_the_words_of_the_command_line(nova):
    for words, code, told in (
            (["stop", "container", "wbe"], NOT_FOUND, 'there is no container "wbe"; \'nova ls\' shows what there is'),
            (["logs", "vm", "nope"], NOT_FOUND, 'there is no vm "nope"; \'nova ls\' shows what there is'),
            (["net", "inspect", "lba"], NOT_FOUND, 'there is no network "lba"; \'nova ls networks\' shows what there is'),
            (["exec", "container", "web/x", "--", "true"], CONFIGURATION, '"web/x" is no name: it has a \'/\''),
            (["stop", "vm"], CONFIGURATION, "which vm? Say its name too: vm NAME"),
            (["ls", "boats"], CONFIGURATION, 'there is no kind "boats"; kinds are namespaces, nodes, events, images, networks, containers, vms'),
            (["stop"], USAGE, "stop needs: [KIND] NAME"),
            (["exec"], USAGE, "exec needs: [KIND] NAME -- COMMAND ARGS..."),
            (["image", "rm"], USAGE, "image rm needs: NAME[:TAG]"),
            (["net", "create"], USAGE, "net create needs: its name"),
            (["--namespace", "a/b", "ls"], USAGE, '--namespace: "a/b" is no name: it has a \'/\''),
            (["ls", "--json"], USAGE, 'there is no option "--json"; say --output json')):
        done = nova.run(*words, check=False)
        assert done.returncode == code and done.stderr.startswith(f"nova: {told}"), (words, done.returncode, done.stderr)
    web_image(nova)
    for capsule, declared in (("web", "[image.web]"), ("lib/web:1", 'an [image.*] with reference = "lib/web:1"')):
        done = nova.novafile(f'project = "p"\n[container.one]\ncapsule = "{capsule}"\n').run("up", check=False)
        assert done.returncode == CONFIGURATION and f"declare {declared} and its source, or import it" in done.stderr, done.stderr


def test_what_is_in_use_stays_whole(nova):
    web_image(nova)
    nova.novafile(CAPSULE).run("up")
    for words, what in ((["net", "delete", "lab"], "network lab"), (["rm", "network", "lab"], "network lab"),
                        (["image", "rm", "web"], "image web-latest")):
        done = nova.run(*words, check=False)
        assert done.returncode == 1 and done.stderr == f"nova: {what} is used by container web: remove it first ('nova rm')\n", (words, done)
    assert nova.object("network", "lab")["status"]["phase"] == "Active" and nova.object("image", "web-latest")["status"]["phase"] == "Ready"
    nova.run("restart", "container", "web")
    nova.run("rm", "container", "web")
    nova.run("net", "delete", "lab")
    nova.run("image", "rm", "web")


def test_a_run_that_can_not_start_leaves_nothing(nova):
    done = nova.run("run", "container", "one", "--image", "nope", check=False)
    assert done.returncode == 1 and "image nope:latest is not here: import it with" in done.stderr, done
    assert nova.items("container") == {}


def test_an_image_may_have_the_longest_name(nova):
    file = web_image(nova)
    longest = "a" * 63
    for reference in (longest, f"lib/{longest}:{longest}"):
        assert nova.out("image", "import", file, reference).startswith(reference)
        done = nova.run("run", "container", "job", "--image", reference, "--rm", "--", "echo", "there")
        assert done.stdout == "there\n", (done.stdout, done.stderr)
        eventually("the capsule is gone", lambda: nova.items("container") == {})
        nova.run("image", "rm", reference)
    assert nova.items("image") == {}


def test_curl_prints_a_command_that_does_it(nova):
    nova.run("ls")
    for words in (["net", "create", "lab", "--profile", "internal", "--subnet", "10.88.0.1/24"], ["ls", "net"], ["net", "delete", "lab"]):
        shown = nova.out(*words, "--curl")
        assert shlex.split(shown)[0] == "curl" and shown.count("\n") == 1, shown
        if words[1] == "create":
            assert nova.items("net") == {}, "nothing was sent"
        done = subprocess.run(["sh", "-c", shown.replace("curl ", "curl --silent --show-error --fail ", 1)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (shown, done.stderr, done.stdout)
        if words[0] == "ls":
            assert [item["metadata"]["name"] for item in json.loads(done.stdout)["items"]] == ["lab"]
    eventually("the last one took it away", lambda: nova.items("net") == {})


def effects(nova):
    return {(change["kind"], change["name"]): change["effect"] for change in nova.json("plan")["changes"] if change["effect"] != "unchanged"}


def test_plan_tells_and_up_does_what_a_change_costs(nova):
    web_image(nova)
    base = CAPSULE.replace("[container.web]\n", '[container.web]\nports = ["8080:80"]\n').replace("[image.web]", '[network.second]\nsubnet = "10.89.0.1/24"\n[image.web]')
    nova.novafile(base)
    assert effects(nova)[("Pod", "web")] == "create"
    nova.run("up")
    assert effects(nova) == {}
    first = nova.pid_of("container", "web")

    nova.novafile(base.replace("8080:80", "8081:80"))
    assert effects(nova) == {("Pod", "web"): "change"}
    assert re.search(r"ports\[0\].hostPort: 8080 -> 8081", nova.out("plan")), nova.out("plan")
    nova.run("up")
    assert nova.pid_of("container", "web") == first and alive(first), "a port changes below a capsule that runs"
    import urllib.request
    # A capsule is up slightly before its ports are served.
    assert eventually("its port is served", lambda: urllib.request.urlopen("http://10.88.0.1:8081/", timeout=10).read()) == b"First light\n"

    text = base.replace("8080:80", "8081:80") + 'env.WORD = "changed"\n'
    nova.novafile(text)
    assert effects(nova) == {("Pod", "web"): "restart"}
    nova.run("up")
    second = nova.pid_of("container", "web")
    assert second != first and not alive(first)
    assert nova.out("exec", "web", "--", "sh", "-c", "echo $WORD") == "changed\n"

    text = text.replace('network = "lab"', 'network = "second"')
    nova.novafile(text)
    assert effects(nova) == {("Pod", "web"): "recreate"}
    nova.run("up")
    assert nova.object("container", "web")["status"]["podIP"].startswith("10.89.")

    nova.novafile(text.split("[container.web]")[0])
    assert effects(nova) == {("Pod", "web"): "remove"}
    nova.run("up")
    assert nova.items("container") == {}
    assert effects(nova) == {}


def test_two_ups_at_once_both_end_well(nova):
    web_image(nova)
    nova.novafile(CAPSULE)
    both = [nova.start("up"), nova.start("up")]
    ends = [(one.communicate(timeout=120), one.returncode) for one in both]
    assert [code for _, code in ends] == [0, 0], ends
    assert nova.object("container", "web")["status"]["phase"] == "Running"


def test_up_renames_a_capsule_with_its_port_and_moves_a_network(nova):
    image = web_image(nova)
    text = ('project = "move"\n[network.lab]\nsubnet = "10.88.0.1/24"\n[image.web]\nsource = "images/web.tar"\n'
            '[container.old]\ncapsule = "web"\nnetwork = "lab"\nports = ["8080:80"]\n')
    assert image.exists()
    nova.novafile(text).run("up")
    nova.novafile(text.replace("container.old", "container.new")).run("up")
    assert list(nova.items("container")) == ["new"]
    moved = text.replace("container.old", "container.new").replace("10.88.0.1", "10.99.0.1")
    assert "recreate Pod new" in nova.novafile(moved).out("plan")
    nova.run("up")
    assert nova.object("container", "new")["status"]["podIP"].startswith("10.99.0.")


run(globals())
