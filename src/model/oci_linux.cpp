#include <algorithm>
#include <array>
#include <string_view>

#include "model/oci_parts.h"

namespace nova::model::oci {

using base::done;
using Kind = JsonValue::Kind;

// Not in an unnamed namespace: the templates of oci_field.h find these by their argument.
constexpr std::array<std::string_view, 8> namespace_types{"mount", "pid", "network", "ipc", "uts", "user", "cgroup", "time"};

static Status read(const Field& field, Namespace& entry)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "type", entry.type));
    if (std::find(namespace_types.begin(), namespace_types.end(), entry.type) == namespace_types.end())
        return field.find("type")->wrong("mount, pid, network, ipc, uts, user, cgroup or time, is \"" + entry.type + "\"");
    TRY(member(field, "path", entry.path));
    if (!entry.path.empty() && entry.path.front() != '/')
        return field.find("path")->wrong("an absolute path");
    return done();
}

static Status check_namespaces(const Field& field, const Linux& part)
{
    for (std::size_t i = 0; i < part.namespaces.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (part.namespaces[i].type == part.namespaces[j].type)
                return field.find("namespaces")->wrong("without a type twice: " + part.namespaces[i].type);
    return done();
}

static Status read(const Field& field, Device& device)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "path", device.path));
    TRY(required(field, "type", device.type));
    if (device.type != "c" && device.type != "b" && device.type != "u" && device.type != "p")
        return field.find("type")->wrong("c, b, u or p");
    TRY(member(field, "major", device.major));
    TRY(member(field, "minor", device.minor));
    TRY(member(field, "fileMode", device.file_mode));
    TRY(member(field, "uid", device.uid));
    return member(field, "gid", device.gid);
}

static Status read(const Field& field, TimeOffset& offset)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "secs", offset.seconds));
    return member(field, "nanosecs", offset.nanoseconds);
}

static Status read(const Field& field, SeccompArgument& argument)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "index", argument.index));
    if (argument.index > 5)
        return field.find("index")->wrong("0 to 5");
    TRY(required(field, "value", argument.value));
    TRY(member(field, "valueTwo", argument.value_two));
    return required(field, "op", argument.op);
}

static Status read(const Field& field, SeccompRule& rule)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "names", rule.names));
    TRY(required(field, "action", rule.action));
    TRY(member(field, "errnoRet", rule.errno_return));
    return member(field, "args", rule.args);
}

static Status read(const Field& field, IntelRdt& rdt)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "closID", rdt.clos_id));
    TRY(member(field, "l3CacheSchema", rdt.l3_cache_schema));
    TRY(member(field, "memBwSchema", rdt.mem_bw_schema));
    TRY(member(field, "schemata", rdt.schemata));
    return member(field, "enableMonitoring", rdt.enable_monitoring);
}

static Status read(const Field& field, MemoryPolicy& policy)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "mode", policy.mode));
    TRY(member(field, "nodes", policy.nodes));
    return member(field, "flags", policy.flags);
}

static Status read_personality(const Field& field, Linux& part)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "domain", part.personality));
    if (part.personality && *part.personality != "LINUX" && *part.personality != "LINUX32")
        return field.find("domain")->wrong("LINUX or LINUX32");
    return done();
}

static Status read_net_devices(const Field& field, Linux& part)
{
    TRY(expect(field, Kind::object));
    if (!field.value().has_children())
        return done();
    for (auto value = field.value().first();; value = value.next()) {
        Field const device{field, value};
        TRY(expect(device, Kind::object));
        TRY(member(device, "name", part.net_devices[std::string{value.key()}]));
        if (!value.has_next())
            return done();
    }
}

static Status check_propagation(const Field& field, const Linux& part)
{
    constexpr std::array<std::string_view, 9> known{"",      "private", "rprivate",   "shared",     "rshared",
                                                    "slave", "rslave",  "unbindable", "runbindable"};
    if (std::find(known.begin(), known.end(), part.rootfs_propagation) == known.end())
        return field.find("rootfsPropagation")->wrong("private, shared, slave, unbindable or one of them after r");
    return done();
}

static Status read_security(const Field& field, Linux& part)
{
    TRY(member(field, "rootfsPropagation", part.rootfs_propagation));
    TRY(check_propagation(field, part));
    TRY(member(field, "seccomp", part.seccomp));
    TRY(member(field, "sysctl", part.sysctl));
    TRY(member(field, "maskedPaths", part.masked_paths));
    TRY(member(field, "readonlyPaths", part.readonly_paths));
    TRY(member(field, "mountLabel", part.mount_label));
    TRY(member(field, "intelRdt", part.intel_rdt));
    if (auto const personality = field.find("personality"))
        TRY(read_personality(*personality, part));
    if (auto const devices = field.find("netDevices"))
        TRY(read_net_devices(*devices, part));
    return member(field, "memoryPolicy", part.memory_policy);
}

Status read(const Field& field, Seccomp& seccomp)
{
    TRY(expect(field, Kind::object));
    TRY(required(field, "defaultAction", seccomp.default_action));
    TRY(member(field, "defaultErrnoRet", seccomp.default_errno_return));
    TRY(member(field, "architectures", seccomp.architectures));
    TRY(member(field, "flags", seccomp.flags));
    TRY(member(field, "listenerPath", seccomp.listener_path));
    TRY(member(field, "listenerMetadata", seccomp.listener_metadata));
    TRY(member(field, "syscalls", seccomp.syscalls));
    seccomp.source = field.value().source();
    return done();
}

Status read(const Field& field, Linux& part)
{
    TRY(expect(field, Kind::object));
    TRY(member(field, "namespaces", part.namespaces));
    TRY(check_namespaces(field, part));
    TRY(member(field, "uidMappings", part.uid_mappings));
    TRY(member(field, "gidMappings", part.gid_mappings));
    TRY(member(field, "timeOffsets", part.time_offsets));
    TRY(member(field, "devices", part.devices));
    TRY(member(field, "cgroupsPath", part.cgroups_path));
    TRY(member(field, "resources", part.resources));
    return read_security(field, part);
}

} // namespace nova::model::oci
