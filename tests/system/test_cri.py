"""containerd's CRI, as a kubelet uses it, with nb as the runtime of its handler "nb": the containerd of Debian, pods with an image from a
registry. The messages' field numbers are those of Kubernetes' api.proto.
"""
import pathlib
import subprocess

from cri import Cri, decode
from drop_in import IMAGE, NB, REGISTRY, debian_programs, leaves_no_mount, own_places, service
from harness import IMAGES, Failed, alive, below, eventually, run

PAUSE = f"{REGISTRY}/pause:1"
HOST_NETWORK = {1: 2}  # namespace_options.network = NODE: no plugins are asked for a network.
CONFIG = """
version = 2
root = "{root}/root"
state = "{root}/state"
[grpc]
  address = "{root}/socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "nb"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nb]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nb.options]
        BinaryName = "{nb}"
        Root = "{root}/nb"
"""


def push_pause_image(nova):
    """What holds a pod's namespaces: the image of Debian's programs, asleep."""
    layout = nova.root / "pause"
    for command in (["skopeo", "copy", "--quiet", f"oci-archive:{IMAGES}/debian.tar", f"oci:{layout}:1"],
                    ["umoci", "config", "--image", f"{layout}:1", "--config.cmd", "sleep", "--config.cmd", "infinity"],
                    ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{PAUSE}"]):
        subprocess.run(command, check=True, capture_output=True)


class Node:
    """What a kubelet does with pods and containers."""

    def __init__(self, cri, group, logs):
        self.cri, self.group, self.logs = cri, group, logs

    def pod(self, name):
        config = {1: {1: name, 2: f"{name}-uid", 3: "default"}, 3: str(self.logs), 8: {1: f"/{self.group}", 2: {1: HOST_NETWORK}}}
        return config, self.cri.call("RuntimeService/RunPodSandbox", {1: config, 2: "nb"})[1].decode()

    def container(self, pod, name, script, resources=None, security=None):
        config, identity = pod
        container = {1: {1: name}, 2: {1: IMAGE}, 3: ["bash", "-c", script], 6: {1: "WORD", 2: "a b"}, 11: f"{name}.log",
                     15: {1: resources or {}, 2: {3: HOST_NETWORK} | (security or {})}}
        made = self.cri.call("RuntimeService/CreateContainer", {1: identity, 2: container, 3: config})[1].decode()
        self.cri.call("RuntimeService/StartContainer", {1: made})
        return made

    def status(self, container):
        """(CREATED 0, RUNNING 1 or EXITED 2; its exit code)"""
        status = decode(self.cri.call("RuntimeService/ContainerStatus", {1: container})[1])
        return status.get(3, 0), status.get(7, 0)

    def exec(self, container, *command):
        """(output, exit code)"""
        done = self.cri.call("RuntimeService/ExecSync", {1: container, 2: list(command), 3: 30})
        return done.get(1, b"").decode(), done.get(3, 0)


def limit_of(container, controller, name):
    for top in (pathlib.Path("/sys/fs/cgroup") / controller, pathlib.Path("/sys/fs/cgroup")):
        for path in below(top):  # All of the host's, of which others come and go.
            if path.name == name and container in path.parent.name:
                return path.read_text().strip()
    raise Failed(f"there is no {name} of {container}")


def a_pod_runs_a_container(node):
    node.cri.call("ImageService/PullImage", {1: {1: IMAGE}})
    pod = node.pod("web")
    container = node.container(pod, "main", 'trap "exit 3" TERM; echo "started $WORD"; while :; do sleep 0.05; done',
                               resources={1: 100000, 2: 50000, 4: 64 << 20})
    assert node.status(container)[0] == 1
    assert "startTicks" in (node.logs / "nb/k8s.io" / container / "state.json").read_text(), "it was not nb that made it"
    eventually("its log", lambda: "stdout F started a b" in (node.logs / "main.log").read_text())
    assert node.exec(container, "bash", "-c", "echo out; exit 7") == ("out\n", 7)
    assert node.exec(container, "cat", "/etc/debian_version")[0].startswith("12.")
    assert limit_of(container, "memory", "memory.limit_in_bytes") == str(64 << 20) and limit_of(container, "cpu", "cpu.cfs_quota_us") == "50000"
    node.cri.call("RuntimeService/UpdateContainerResources", {1: container, 2: {4: 48 << 20}})
    assert limit_of(container, "memory", "memory.limit_in_bytes") == str(48 << 20)
    assert node.cri.call("RuntimeService/ContainerStats", {1: container})
    node.cri.call("RuntimeService/StopContainer", {1: container, 2: 20})
    assert node.status(container) == (2, 3)
    node.cri.call("RuntimeService/RemoveContainer", {1: container})
    return pod


def containers_of_a_pod_see_each_other(node):
    pod = node.pod("pair")
    first = node.container(pod, "first", "echo there >/dev/shm/file; exec sleep 1000")
    second = node.container(pod, "second", "exec sleep 1000", security={15: {1: 0}})  # With the runtime's default seccomp profile.
    eventually("one shared memory", lambda: node.exec(second, "cat", "/dev/shm/file")[0] == "there\n")
    assert node.exec(second, "grep", "Seccomp:", "/proc/self/status")[0].split()[1] == "2"
    assert node.exec(first, "grep", "Seccomp:", "/proc/self/status")[0].split()[1] == "0"
    node.cri.call("RuntimeService/StopContainer", {1: first, 2: 0})
    assert node.status(first) == (2, 137)
    return pod


def what_can_not_start_is_told(node):
    pod = node.pod("broken")
    config, identity = pod
    container = {1: {1: "broken"}, 2: {1: IMAGE}, 3: ["/no/such/program"], 11: "broken.log", 15: {2: {3: HOST_NETWORK}}}
    made = node.cri.call("RuntimeService/CreateContainer", {1: identity, 2: container, 3: config})[1].decode()
    try:
        node.cri.call("RuntimeService/StartContainer", {1: made})
    except Failed as refused:
        assert "/no/such/program" in str(refused), refused
    else:
        raise AssertionError("it starts")
    assert node.status(made)[0] == 2
    return pod


def test_pods(nova):
    programs = debian_programs("containerd")
    with own_places(nova) as group:
        push_pause_image(nova)
        root = nova.root / "containerd"
        root.mkdir()
        (root / "config.toml").write_text(CONFIG.format(root=root, pause=PAUSE, nb=NB))
        env = {"PATH": f"{programs}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        try:
            with service(["containerd", "--config", root / "config.toml"], root / "log", env=env):
                node = Node(Cri(root / "socket", root), group, root)
                try:
                    eventually("the CRI answers", lambda: node.cri.call("RuntimeService/Version", {}), seconds=120)
                except Failed as late:
                    raise Failed(f"{late}\n{(root / 'log').read_text()[-3000:]}") from late
                for case in (a_pod_runs_a_container, containers_of_a_pod_see_each_other, what_can_not_start_is_told):
                    _, pod = case(node)
                    node.cri.call("RuntimeService/StopPodSandbox", {1: pod})
                    node.cri.call("RuntimeService/RemovePodSandbox", {1: pod})
                    print(f"    ok      {case.__name__}", flush=True)
                left = [path.name for path in (root / "nb/k8s.io").iterdir() if not path.name.startswith(".")]
                assert left == [], f"records of containers are left: {left}"
        finally:
            leaves_no_mount(nova)  # Of pods that a failure left.


run(globals())
