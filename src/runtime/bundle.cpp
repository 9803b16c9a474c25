#include "runtime/bundle.h"

#include <array>
#include <set>

#include "model/json_writer.h"
#include "runtime/default_seccomp.h"
#include "runtime/default_spec.h"
#include "sys/capabilities.h"

namespace nova::runtime {

namespace {

using Json = model::JsonWriter;

std::vector<std::string> capabilities_of(const CapsulePlan& plan)
{
    if (!plan.privileged)
        return default_capabilities();
    std::vector<std::string> all;
    auto const known = sys::known_capabilities();
    for (int number = 0; number <= 40; ++number)
        if ((known >> number & 1) != 0)
            all.emplace_back(sys::capability_name(number));
    return all;
}

void write_process(Json& json, const CapsulePlan& plan)
{
    json.key("process").begin('{').member("terminal", plan.terminal);
    json.key("user").begin('{').member("uid", static_cast<std::uint64_t>(plan.uid));
    json.member("gid", static_cast<std::uint64_t>(plan.gid)).key("additionalGids").begin('[');
    for (auto const group : plan.groups)
        json.value(static_cast<std::uint64_t>(group));
    json.end(']').end('}');
    json.list("args", plan.argv);
    json.list("env", plan.env);
    json.member("cwd", plan.working_dir.empty() ? "/" : plan.working_dir);
    auto const capabilities = capabilities_of(plan);
    json.key("capabilities").begin('{');
    // Never inheritable or ambient: a program without file capabilities must not get any by exec (CVE-2022-29162).
    for (const char* const set : {"bounding", "effective", "permitted"})
        json.list(set, capabilities);
    json.end('}');
    json.member("noNewPrivileges", plan.no_new_privileges && !plan.privileged).end('}');
}

void write_mount(Json& json, const DefaultMount& mount, bool writable)
{
    auto options = mount.options;
    if (writable)
        std::erase(options, "ro");
    json.begin('{').member("destination", mount.target).member("type", mount.type).member("source", mount.source);
    json.list("options", options);
    json.end('}');
}

void write_mounts(Json& json, const CapsulePlan& plan)
{
    json.key("mounts").begin('[');
    for (const auto& mount : default_mounts())
        write_mount(json, mount, plan.privileged);
    for (const auto& bind : plan.mounts) {
        json.begin('{').member("destination", bind.target).member("type", "bind").member("source", bind.source);
        json.list("options", std::array{"rbind", "rprivate", bind.read_only ? "rro" : "rw"});
        json.end('}');
    }
    json.end(']');
}

void write_namespaces(Json& json, const CapsulePlan& plan)
{
    json.key("namespaces").begin('[');
    for (const char* const type : {"mount", "pid", "ipc", "uts", "cgroup"})
        json.begin('{').member("type", type).end('}');
    if (!plan.host_network) {
        json.begin('{').member("type", "network");
        if (!plan.network_namespace.empty())
            json.member("path", plan.network_namespace);
        json.end('}');
    }
    json.end(']');
}

constexpr std::uint64_t cpu_period_us = 100000;

void write_resources(Json& json, const CapsulePlan& plan)
{
    json.key("resources").begin('{').key("devices").begin('[');
    json.begin('{').member("allow", plan.privileged).member("access", "rwm").end('}').end(']');
    if (plan.memory_limit) {
        json.key("memory").begin('{').member("limit", plan.memory_limit->count);
        json.member("swap", plan.memory_limit->count).end('}'); // No swap beside it: the limit is the limit.
    }
    if (plan.cpu_limit) {
        json.key("cpu").begin('{').member("period", cpu_period_us);
        json.member("quota", static_cast<std::int64_t>(*plan.cpu_limit * cpu_period_us)).end('}');
    }
    json.end('}');
}

void write_linux(Json& json, const CapsulePlan& plan)
{
    json.key("linux").begin('{');
    write_namespaces(json, plan);
    if (!plan.cgroup.empty())
        json.member("cgroupsPath", plan.cgroup);
    write_resources(json, plan);
    if (!plan.privileged) {
        auto const& capabilities = default_capabilities();
        json.key("seccomp").raw(default_seccomp({capabilities.begin(), capabilities.end()}));
        json.list("maskedPaths", default_masked_paths());
        json.list("readonlyPaths", default_read_only_paths());
    }
    json.end('}');
}

} // namespace

const std::vector<std::string>& default_capabilities()
{
    static const std::vector<std::string> names{"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
                                                "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
                                                "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
                                                "CAP_KILL",    "CAP_AUDIT_WRITE"};
    return names;
}

std::string config_json(const CapsulePlan& plan)
{
    Json json;
    json.begin('{').member("ociVersion", "1.2.1");
    json.key("root").begin('{').member("path", plan.rootfs).member("readonly", plan.read_only_root).end('}');
    if (!plan.hostname.empty())
        json.member("hostname", plan.hostname);
    write_process(json, plan);
    write_mounts(json, plan);
    write_linux(json, plan);
    return json.end('}').text();
}

} // namespace nova::runtime
