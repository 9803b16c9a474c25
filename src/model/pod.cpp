#include <set>

#include "base/strings.h"
#include "model/bounds.h"
#include "model/description.h"
#include "model/kinds.h"

namespace nova::model {
namespace {

std::string at(std::string_view list, std::size_t index, std::string_view below = "")
{
    return std::string{list} + "[" + std::to_string(index) + "]" + (below.empty() ? "" : "." + std::string{below});
}

void check_container(const Container& container, Problems& problems)
{
    std::set<std::string> paths;
    for (std::size_t i = 0; i < container.volume_mounts.size(); ++i)
        if (!paths.insert(container.volume_mounts[i].mount_path).second)
            problems.add_at(at("volumeMounts", i, "mountPath"),
                            "\"" + container.volume_mounts[i].mount_path + "\" is taken by another volume");
    std::set<std::tuple<std::uint16_t, std::string, std::string>> taken;
    for (std::size_t i = 0; i < container.ports.size(); ++i) {
        const auto& port = container.ports[i];
        if (port.host_port == 0)
            continue;
        auto const everywhere = taken.contains({port.host_port, port.protocol, ""});
        if (everywhere || !taken.insert({port.host_port, port.protocol, port.host_ip}).second)
            problems.add_at(at("ports", i, "hostPort"),
                            std::to_string(port.host_port) + "/" + port.protocol + " is published twice");
    }
}

void check_volume(const Volume& volume, Problems& problems)
{
    if (volume.host_path.has_value() == volume.claim.has_value())
        problems.add("must have one of hostPath and persistentVolumeClaim");
}

void check_pod(const PodSpec& spec, Problems& problems)
{
    if (spec.containers.size() > 1)
        problems.add_at("containers", "must be exactly one in this version, are " + std::to_string(spec.containers.size()));
    std::set<std::string> volumes;
    for (std::size_t i = 0; i < spec.volumes.size(); ++i)
        if (!volumes.insert(spec.volumes[i].name).second)
            problems.add_at(at("volumes", i, "name"), "\"" + spec.volumes[i].name + "\" stands twice");
    for (std::size_t c = 0; c < spec.containers.size(); ++c) {
        const auto& mounts = spec.containers[c].volume_mounts;
        for (std::size_t i = 0; i < mounts.size(); ++i)
            if (!volumes.contains(mounts[i].name))
                problems.add_at(at("containers", c, at("volumeMounts", i, "name")),
                                "there is no volume \"" + mounts[i].name + "\"" +
                                    did_you_mean(mounts[i].name, {volumes.begin(), volumes.end()}));
    }
    if (spec.host_network && !spec.network.empty())
        problems.add_at("network", "can't be combined with hostNetwork");
}

void fill_hostname(Pod& pod)
{
    if (pod.spec.hostname.empty())
        pod.spec.hostname = base::split(pod.meta.name, '.').front();
}

/// Kubernetes says a container's state by which of three objects is there.
const ValueType& state_type()
{
    struct Form {
        static void read(void* owner, const json& input, Problems& problems)
        {
            auto& status = *static_cast<ContainerStatus*>(owner);
            for (auto const* state : {"waiting", "running", "terminated"}) {
                if (!input.is_object() || !input.contains(state) || !input[state].is_object())
                    continue;
                const auto& detail = input[state];
                auto const text = [&](const char* name) {
                    return detail.contains(name) && detail[name].is_string() ? detail[name].get<std::string>() : std::string{};
                };
                status.state = state;
                status.reason = text("reason");
                status.started = text("startedAt");
                status.finished = text("finishedAt");
                if (detail.contains("exitCode") && detail["exitCode"].is_number_integer())
                    status.exit_code = detail["exitCode"].get<std::int64_t>();
                return;
            }
            if (!input.is_object() || !input.empty())
                problems.add("must be an object with one of waiting, running, terminated");
        }

        static json print(const void* owner)
        {
            const auto& status = *static_cast<const ContainerStatus*>(owner);
            if (status.state.empty())
                return json{};
            auto detail = json::object();
            auto const put = [&](const char* name, const std::string& text) {
                if (!text.empty())
                    detail[name] = text;
            };
            put("reason", status.reason);
            put("startedAt", status.started);
            put("finishedAt", status.finished);
            if (status.exit_code)
                detail["exitCode"] = *status.exit_code;
            return {{status.state, detail}};
        }
    };
    static ValueType const type{"object", Form::read, Form::print, nullptr};
    return type;
}

const ValueType& ready_type()
{
    static ValueType const type{
        "boolean", [](void*, const json&, Problems&) {},
        [](const void* owner) { return json(static_cast<const ContainerStatus*>(owner)->state == "running"); }, nullptr};
    return type;
}

} // namespace

const Description& describe(const EnvVar*)
{
    static auto const description = describe_as<EnvVar>({
        field("name", &EnvVar::name, "Name of the variable.")
            .required()
            .must_be(
                string_rule("a name without '='", [](const std::string& name) { return name.find('=') == std::string::npos; })),
        field("value", &EnvVar::value, "Its value.").always(),
    });
    return description;
}

const Description& describe(const ContainerPort*)
{
    static auto const description = describe_as<ContainerPort>({
        field("name", &ContainerPort::name, "A name for Services to refer to.").must_be(dns_label()),
        field("containerPort", &ContainerPort::container_port, "Where the capsule listens.").required().between(1, 65535),
        field("hostPort", &ContainerPort::host_port, "The host's port that leads there. 0: none.").between(0, 65535),
        field("hostIP", &ContainerPort::host_ip, "The host's address that is listened on. Empty: every one.")
            .must_be(ipv4_address()),
        field("protocol", &ContainerPort::protocol, "What is carried.").one_of({"TCP", "UDP"}),
    });
    return description;
}

const Description& describe(const VolumeMount*)
{
    static auto const description = describe_as<VolumeMount>({
        field("name", &VolumeMount::name, "Which of the pod's volumes.").required(),
        field("mountPath", &VolumeMount::mount_path, "Where it appears in the capsule.").required().must_be(absolute_path()),
        field("readOnly", &VolumeMount::read_only, "Whether the capsule may only read it."),
    });
    return description;
}

const Description& describe(const Volume*)
{
    static auto const description = describe_as<Volume>(
        {
            field("name", &Volume::name, "What mounts call it.").required().must_be(dns_label()),
            group("hostPath", "A directory or file of the host.",
                  {field("path", &Volume::host_path, "Where it lies.").required().must_be(absolute_path()),
                   accepted("type", "", {"", "Directory", "DirectoryOrCreate", "File", "FileOrCreate"})}),
            group("persistentVolumeClaim", "A named volume, which Nova makes where there is none.",
                  {field("claimName", &Volume::claim, "Its name.").required().must_be(dns_subdomain())}),
        },
        check_volume);
    return description;
}

const Description& describe(const Container*)
{
    static auto const description = describe_as<Container>(
        {
            field("name", &Container::name, "Name within the pod.").required().must_be(dns_label()),
            field("image", &Container::image, "Reference of the image it starts from.").required().column("IMAGE"),
            field("command", &Container::command, "Replaces the image's entrypoint."),
            field("args", &Container::args, "Replaces the image's command."),
            field("workingDir", &Container::working_dir, "Where it starts. Empty: as the image says.").must_be(absolute_path()),
            field("env", &Container::env, "Environment, on top of the image's."),
            field("ports", &Container::ports, "Where it listens, and which ports of the host lead there."),
            field("volumeMounts", &Container::volume_mounts, "Where its volumes appear."),
            group("resources", "How much it may use.",
                  {group("limits", "What it can't exceed.",
                         {field("memory", &Container::memory_limit, "Memory, page cache included.")
                              .at_least(least_capsule_memory)
                              .at_most(most_memory),
                          field("cpu", &Container::cpu_limit, "Share of time, in CPUs.").in("CPUs").must_be(cpu_share())}),
                   accepted("requests", "")}),
            group("securityContext", "What it may do.",
                  {field("readOnlyRootFilesystem", &Container::read_only_root, "Whether its root can't be written to."),
                   field("noNewPrivileges", &Container::no_new_privileges, "Whether set-uid programs gain nothing."),
                   field("privileged", &Container::privileged, "Whether it keeps all capabilities and devices."),
                   field("runAsUser", &Container::run_as_user, "User id it runs as. Absent: as the image says.")
                       .between(0, 4294967294)}),
            field("tty", &Container::tty, "Whether it has a terminal."),
            field("stdin", &Container::stdin_open, "Whether its standard input is kept open."),
            accepted("stdinOnce", ""),
            accepted("imagePullPolicy", "", {"IfNotPresent", "Never"}),
            accepted("terminationMessagePath", ""),
            accepted("terminationMessagePolicy", ""),
        },
        check_container);
    return description;
}

const Description& describe(const PodSpec*)
{
    static auto const description = describe_as<PodSpec>(
        {
            field("containers", &PodSpec::containers, "What runs: exactly one in this version.").required(),
            field("volumes", &PodSpec::volumes, "What its containers can mount."),
            field("network", &PodSpec::network, "The Network it is on. Empty: none but loopback.")
                .must_be(dns_subdomain())
                .column("NETWORK", 1),
            field("hostname", &PodSpec::hostname, "What it is called inside. Default: the pod's name.").must_be(dns_label()),
            field("hostNetwork", &PodSpec::host_network, "Whether it shares the host's network."),
            field("restartPolicy", &PodSpec::restart_policy, "When it is started again after it ended.")
                .one_of({"Always", "OnFailure", "Never"}),
            field("running", &PodSpec::running, "Whether it shall run."),
            field("terminationGracePeriodSeconds", &PodSpec::grace_seconds, "From the request to stop to the kill.")
                .in("seconds")
                .between(0, most_grace_seconds),
            accepted("dnsPolicy", "", {"ClusterFirst", "Default"}),
            accepted("schedulerName", "", {"default-scheduler"}),
            accepted("enableServiceLinks", ""),
            accepted("nodeName", ""),
        },
        check_pod);
    return description;
}

const Description& describe(const ContainerStatus*)
{
    static auto const description = describe_as<ContainerStatus>({
        field("name", &ContainerStatus::name, "Which container."),
        special("state", state_type(), "One of waiting, running and terminated, with times and exit code."),
        special("ready", ready_type(), "Whether it runs.").always(),
        field("pid", &ContainerStatus::pid, "Of its first process, as the host sees it.").column("PID", 1),
        field("restartCount", &ContainerStatus::restarts, "How often it was started again.").always().column("RESTARTS"),
        field("imageID", &ContainerStatus::image_id, "Digest of the image it was made from.").always(),
        accepted("image", ""),
        accepted("containerID", ""),
        accepted("lastState", ""),
        accepted("started", ""),
    });
    return description;
}

const Description& describe(const PodStatus*)
{
    static auto const description = describe_as<PodStatus>({
        field("phase", &PodStatus::phase, "Pending, Running, Succeeded, Failed, Stopped, Unknown or Terminating.")
            .column("STATUS"),
        field("podIP", &PodStatus::pod_ip, "Its address on its network.").column("ADDRESS"),
        field("containerStatuses", &PodStatus::containers, "How its containers are."),
        field("conditions", &PodStatus::conditions, "What is going on, in words."),
        field("observedGeneration", &PodStatus::observed_generation, "The generation that this status is about."),
        field("attempt", &PodStatus::attempt, "The value of annotation nanocloud.io/restart that this status is about."),
    });
    return description;
}

const Description& describe(const Pod*)
{
    static auto const description = describe_as<Pod>(
        {
            field("metadata", &Pod::meta, "Name, labels and history.").required(),
            field("spec", &Pod::spec, "What it shall be.").required(),
            field("status", &Pod::status, "What it is."),
        },
        nullptr, fill_hostname);
    return description;
}

const KindDescription& describe_kind(const Pod* pod)
{
    static KindDescription const kind{{"",
                                       "v1",
                                       "Pod",
                                       "pods",
                                       "pod",
                                       {"po", "container", "capsule"},
                                       true,
                                       "A capsule: a container with its volumes and its place on a network.",
                                       {}},
                                      &describe(pod)};
    return kind;
}

} // namespace nova::model
