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
    TRY(read_object(field, need("type", entry.type), may("path", entry.path)));
    if (std::find(namespace_types.begin(), namespace_types.end(), entry.type) == namespace_types.end())
        return field.wrong_member("type", "mount, pid, network, ipc, uts, user, cgroup or time, is \"" + entry.type + "\"");
    if (!entry.path.empty() && entry.path.front() != '/')
        return field.wrong_member("path", "an absolute path");
    return done();
}

static Status check_namespaces(const Field& field, const Linux& part)
{
    for (std::size_t i = 0; i < part.namespaces.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (part.namespaces[i].type == part.namespaces[j].type)
                return field.wrong_member("namespaces", "without a type twice: " + part.namespaces[i].type);
    return done();
}

static Status read(const Field& field, Device& device)
{
    TRY(read_object(field, need("path", device.path), need("type", device.type), may("major", device.major),
                    may("minor", device.minor), may("fileMode", device.file_mode), may("uid", device.uid),
                    may("gid", device.gid)));
    if (device.type != "c" && device.type != "b" && device.type != "u" && device.type != "p")
        return field.wrong_member("type", "c, b, u or p");
    for (const auto* const number : {"major", "minor"})
        if (device.type != "p" && !field.find(number))
            return field.missing(number);
    return done();
}

static Status read(const Field& field, TimeOffset& offset)
{
    return read_object(field, may("secs", offset.seconds), may("nanosecs", offset.nanoseconds));
}

static Status read(const Field& field, SeccompArgument& argument)
{
    TRY(read_object(field, need("index", argument.index), need("value", argument.value), may("valueTwo", argument.value_two),
                    need("op", argument.op)));
    if (argument.index > 5)
        return field.wrong_member("index", "0 to 5");
    return done();
}

/// Whether an action has an errno to return.
static bool returns_errno(std::string_view action) { return action == "SCMP_ACT_ERRNO" || action == "SCMP_ACT_TRACE"; }

static Status read(const Field& field, SeccompRule& rule)
{
    TRY(read_object(field, need("names", rule.names), need("action", rule.action), may("errnoRet", rule.errno_return),
                    may("args", rule.args)));
    if (rule.names.empty())
        return field.wrong_member("names", "at least one name");
    if (rule.errno_return && !returns_errno(rule.action))
        return field.wrong_member("errnoRet", "absent: " + rule.action.substr(0, 60) + " returns no errno");
    return done();
}

bool is_rdt_class(std::string_view name)
{
    constexpr std::array<std::string_view, 6> taken{"", ".", "..", "info", "mon_groups", "mon_data"};
    if (name == "/")
        return true;
    return name.size() <= 255 && name.find_first_of("/\n") == std::string_view::npos &&
           std::find(taken.begin(), taken.end(), name) == taken.end();
}

static Status check_schemata(const Field& field, const IntelRdt& rdt)
{
    auto const has_newline = [](std::string_view text) { return text.find('\n') != std::string_view::npos; };
    if (!rdt.mem_bw_schema.empty() && (!rdt.mem_bw_schema.starts_with("MB:") || has_newline(rdt.mem_bw_schema)))
        return field.wrong_member("memBwSchema", "one line that begins with MB:");
    if (std::any_of(rdt.schemata.begin(), rdt.schemata.end(), has_newline))
        return field.wrong_member("schemata", "a list of single lines");
    return done();
}

static Status read(const Field& field, IntelRdt& rdt)
{
    bool watches_caches = false;
    bool watches_bandwidth = false;
    TRY(read_object(field, may("closID", rdt.clos_id), may("l3CacheSchema", rdt.l3_cache_schema),
                    may("memBwSchema", rdt.mem_bw_schema), may("schemata", rdt.schemata),
                    may("enableMonitoring", rdt.enable_monitoring), may("enableCMT", watches_caches),
                    may("enableMBM", watches_bandwidth)));
    rdt.enable_monitoring = rdt.enable_monitoring || watches_caches || watches_bandwidth;
    if (!rdt.clos_id.empty() && !is_rdt_class(rdt.clos_id))
        return field.wrong_member("closID", "one name, and none of resctrl's own, or /");
    return check_schemata(field, rdt);
}

static Status read(const Field& field, MemoryPolicy& policy)
{
    return read_object(field, need("mode", policy.mode), may("nodes", policy.nodes), may("flags", policy.flags));
}

static Status read(const Field& field, Personality& personality)
{
    TRY(read_object(field, need("domain", personality.domain), may("flags", personality.flags)));
    if (personality.domain != "LINUX" && personality.domain != "LINUX32")
        return field.wrong_member("domain", "LINUX or LINUX32");
    if (!personality.flags.empty())
        return field.wrong_member("flags", "empty: the specification knows no flag yet");
    return done();
}

static Status read(const Field& field, NetDevice& device) { return read_object(field, may("name", device.name)); }

static Status check_propagation(const Field& field, const Linux& part)
{
    constexpr std::array<std::string_view, 9> known{"",      "private", "rprivate",   "shared",     "rshared",
                                                    "slave", "rslave",  "unbindable", "runbindable"};
    if (std::find(known.begin(), known.end(), part.rootfs_propagation) == known.end())
        return field.wrong_member("rootfsPropagation", "private, shared, slave, unbindable or one of them after r");
    return done();
}

Status read(const Field& field, Seccomp& seccomp)
{
    seccomp.source = field.value().source();
    seccomp.is_known = field.value().is_known();
    if (seccomp.is_known)
        return done();
    TRY(read_object(field, need("defaultAction", seccomp.default_action), may("defaultErrnoRet", seccomp.default_errno_return),
                    may("architectures", seccomp.architectures), may("flags", seccomp.flags),
                    may("listenerPath", seccomp.listener_path), may("listenerMetadata", seccomp.listener_metadata),
                    may("syscalls", seccomp.syscalls)));
    if (seccomp.default_errno_return && !returns_errno(seccomp.default_action))
        return field.wrong_member("defaultErrnoRet", "absent: " + seccomp.default_action.substr(0, 60) + " returns no errno");
    return done();
}

Status read(const Field& field, Linux& part)
{
    TRY(read_object(field, may("namespaces", part.namespaces), may("uidMappings", part.uid_mappings),
                    may("gidMappings", part.gid_mappings), may("timeOffsets", part.time_offsets), may("devices", part.devices),
                    may("cgroupsPath", part.cgroups_path), may("resources", part.resources),
                    may("rootfsPropagation", part.rootfs_propagation), may("seccomp", part.seccomp), may("sysctl", part.sysctl),
                    may("maskedPaths", part.masked_paths), may("readonlyPaths", part.readonly_paths),
                    may("mountLabel", part.mount_label), may("intelRdt", part.intel_rdt), may("personality", part.personality),
                    may("netDevices", part.net_devices), may("memoryPolicy", part.memory_policy)));
    TRY(check_namespaces(field, part));
    return check_propagation(field, part);
}

} // namespace nova::model::oci
