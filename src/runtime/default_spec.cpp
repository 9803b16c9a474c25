#include "runtime/default_spec.h"

#include <unistd.h>

#include <array>

#include "model/json_writer.h"
#include "runtime/default_seccomp.h"

namespace nova::runtime {

namespace {

using Json = model::JsonWriter;

constexpr std::array capabilities{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};

void write_process(Json& json)
{
    constexpr std::uint64_t most_files = 1024;
    json.key("process").begin('{').member("terminal", true);
    json.key("user").begin('{').member("uid", 0).member("gid", 0).end('}');
    json.list("args", std::array{"sh"});
    json.list("env", std::array{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"});
    json.member("cwd", "/").key("capabilities").begin('{');
    for (const char* const set : {"bounding", "effective", "permitted"})
        json.list(set, capabilities);
    json.end('}').key("rlimits").begin('[').begin('{').member("type", "RLIMIT_NOFILE");
    json.member("hard", most_files).member("soft", most_files).end('}').end(']');
    json.member("noNewPrivileges", true).end('}');
}

/// Without privilege there is no new sysfs without a network namespace, and no group 5.
DefaultMount as_rootless(DefaultMount mount)
{
    if (mount.target == "/sys")
        return {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};
    std::erase(mount.options, "gid=5");
    return mount;
}

void write_mounts(Json& json, SpecKind kind)
{
    json.key("mounts").begin('[');
    for (const auto& usual : default_mounts()) {
        auto const mount = kind == SpecKind::rootless ? as_rootless(usual) : usual;
        json.begin('{').member("destination", mount.target).member("type", mount.type).member("source", mount.source);
        json.list("options", mount.options);
        json.end('}');
    }
    json.end(']');
}

void write_mapping(Json& json, std::string_view key, unsigned id)
{
    json.key(key).begin('[').begin('{').member("containerID", 0);
    json.member("hostID", static_cast<std::uint64_t>(id)).member("size", 1).end('}').end(']');
}

void write_linux(Json& json, SpecKind kind)
{
    bool const rootless = kind == SpecKind::rootless;
    json.key("linux").begin('{');
    if (rootless) { // The caller alone, as root of its own user namespace.
        write_mapping(json, "uidMappings", ::geteuid());
        write_mapping(json, "gidMappings", ::getegid());
    } else {
        json.key("resources").begin('{').key("devices").begin('[').begin('{');
        json.member("allow", false).member("access", "rwm").end('}').end(']').end('}');
    }
    json.key("namespaces").begin('[');
    for (const char* const type : {"pid", rootless ? "user" : "network", "ipc", "uts", "mount", "cgroup"})
        json.begin('{').member("type", type).end('}');
    json.end(']');
    json.key("seccomp").raw(default_seccomp({capabilities.begin(), capabilities.end()}));
    json.list("maskedPaths", default_masked_paths());
    json.list("readonlyPaths", default_read_only_paths());
    json.end('}');
}

} // namespace

const std::vector<DefaultMount>& default_mounts()
{
    static const std::vector<DefaultMount> mounts{
        {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "ro"}},
    };
    return mounts;
}

const std::vector<std::string_view>& default_masked_paths()
{
    static const std::vector<std::string_view> paths{"/proc/acpi",        "/proc/asound",        "/proc/kcore",
                                                     "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
                                                     "/proc/timer_stats", "/proc/sched_debug",   "/proc/scsi",
                                                     "/proc/interrupts",  "/sys/firmware",       "/sys/devices/virtual/powercap"};
    return paths;
}

const std::vector<std::string_view>& default_read_only_paths()
{
    static const std::vector<std::string_view> paths{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    return paths;
}

std::string default_spec(SpecKind kind)
{
    Json json;
    json.begin('{').member("ociVersion", "1.3.0");
    write_process(json);
    json.key("root").begin('{').member("path", "rootfs").member("readonly", true).end('}');
    json.member("hostname", "nb");
    write_mounts(json, kind);
    write_linux(json, kind);
    return model::indented_json(json.end('}').text()) + "\n";
}

} // namespace nova::runtime
