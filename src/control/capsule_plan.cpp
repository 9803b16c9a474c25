#include "control/capsule_plan.h"

#include "base/strings.h"
#include "control/workload.h"
#include "model/registry.h"
#include "storage/rootfs.h"
#include "sys/file.h"

namespace nova::control {
namespace {

constexpr auto default_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string name_of(const std::string& assignment) { return assignment.substr(0, assignment.find('=')); }

std::vector<std::string> merged_env(const std::vector<std::string>& image, const model::Container& container)
{
    std::vector<std::string> env{default_path};
    auto const put = [&](const std::string& assignment) {
        for (auto& there : env)
            if (name_of(there) == name_of(assignment)) {
                there = assignment;
                return;
            }
        env.push_back(assignment);
    };
    for (const auto& assignment : image)
        put(assignment);
    for (const auto& variable : container.env)
        put(variable.name + "=" + variable.value);
    if (container.tty)
        put("TERM=xterm");
    return env;
}

std::vector<std::string> command_line(const storage::ImageConfig& image, const model::Container& container)
{
    auto argv = container.command.empty() ? image.entrypoint : container.command;
    auto const& arguments = !container.args.empty() || !container.command.empty() ? container.args : image.command;
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

/// The files that every capsule gets over its image's own. Written at each start, so a power loss harms none.
Status write_identity(const std::string& directory, const std::string& hostname, const Plug* plug)
{
    std::string const address = plug != nullptr ? plug->address : "127.0.1.1";
    TRY(sys::replace_file(directory + "/hosts", "127.0.0.1 localhost\n::1 localhost\n" + address + " " + hostname + "\n"));
    TRY(sys::replace_file(directory + "/hostname", hostname + "\n"));
    std::string resolver;
    if (plug != nullptr && !plug->gateway.empty())
        resolver = "nameserver " + plug->gateway + "\nsearch " + plug->domain + "\n";
    return sys::replace_file(directory + "/resolv.conf", resolver);
}

Result<std::vector<runtime::BindMount>> volume_mounts(const model::Pod& pod, Context& context)
{
    std::vector<runtime::BindMount> mounts;
    for (const auto& mount : pod.spec.containers.front().volume_mounts)
        for (const auto& volume : pod.spec.volumes) {
            if (volume.name != mount.name)
                continue;
            std::string source = volume.host_path.value_or("");
            if (volume.claim)
                source = TRY(context.drivers.volumes.ensure(pod.meta.space, *volume.claim));
            if (!sys::exists(source))
                return base::Error{base::Code::not_found, "volume " + volume.name + ": " + source + " does not exist"};
            mounts.push_back({source, mount.mount_path, mount.read_only});
        }
    return mounts;
}

std::string digest_of(nlohmann::json spec, const model::Meta& meta)
{
    spec.erase("running");
    spec.erase("terminationGracePeriodSeconds");
    spec.erase("gracePeriodSeconds");
    spec.erase("restartPolicy"); // Counts at its end only.
    auto const mark = meta.annotations.find(restart_annotation);
    return base::to_hex(base::stable_hash(spec.dump() + (mark == meta.annotations.end() ? "" : mark->second)), 16);
}

} // namespace

std::string process_digest(const model::Pod& pod)
{
    auto spec = model::to_json(pod)["spec"];
    if (spec.contains("containers"))
        for (auto& container : spec["containers"])
            container.erase("ports"); // Published by the network's rules; the process knows nothing of them.
    return digest_of(std::move(spec), pod.meta);
}

std::string process_digest(const model::VirtualMachine& machine)
{
    return digest_of(model::to_json(machine)["spec"], machine.meta);
}

Result<runtime::CapsulePlan> plan_capsule(const model::Pod& pod, const CapsuleParts& parts, Context& context)
{
    auto const& container = pod.spec.containers.front();
    auto const& config = parts.image->config;
    runtime::CapsulePlan plan;
    plan.id = workload_id(key_of(pod));
    plan.bundle = parts.directory + "/bundle";
    plan.rootfs = parts.rootfs;
    plan.argv = command_line(config, container);
    if (plan.argv.empty())
        return base::Error{base::Code::failed_precondition,
                           "image " + container.image + " names no command: give one in the container"};
    plan.env = merged_env(config.env, container);
    plan.working_dir = !container.working_dir.empty() ? container.working_dir
                       : config.working_dir.empty()   ? "/"
                                                      : config.working_dir;
    plan.hostname = pod.spec.hostname.empty() ? pod.meta.name : pod.spec.hostname;
    auto const user = container.run_as_user ? std::to_string(*container.run_as_user) : config.user;
    auto const resolved = TRY(storage::resolve_user(parts.rootfs, user).context("user \"" + user + "\""));
    plan.uid = resolved.uid;
    plan.gid = resolved.gid;
    plan.groups = resolved.groups;
    plan.mounts = TRY(volume_mounts(pod, context));

    TRY(write_identity(parts.directory, plan.hostname, parts.plug));
    for (const auto* file : {"hosts", "hostname", "resolv.conf"})
        if (!pod.spec.host_network || std::string_view{file} == "hostname")
            plan.mounts.push_back({parts.directory + "/" + file, "/etc/" + std::string{file}, false});
    if (pod.spec.host_network)
        plan.mounts.push_back({"/etc/resolv.conf", "/etc/resolv.conf", true});

    plan.network_namespace = parts.plug != nullptr ? parts.plug->network_namespace : "";
    plan.host_network = pod.spec.host_network;
    plan.cgroup = context.places.cgroup + "/" + plan.id;
    plan.memory_limit = container.memory_limit;
    plan.cpu_limit = container.cpu_limit;
    plan.read_only_root = container.read_only_root;
    plan.no_new_privileges = container.no_new_privileges;
    plan.privileged = container.privileged;
    plan.terminal = container.tty;
    plan.log_path = log_path(context.places, plan.id);
    return plan;
}

} // namespace nova::control
