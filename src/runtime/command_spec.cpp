// spec and features.
#include <fcntl.h>

#include <array>

#include "model/json_writer.h"
#include "runtime/arguments.h"
#include "runtime/commands.h"
#include "runtime/default_spec.h"
#include "runtime/mount_options.h"
#include "sys/capabilities.h"
#include "sys/file.h"
#include "sys/own_process.h"

namespace nova::runtime {

using base::Code;
using base::Error;
using Kind = Option::Kind;

namespace {

void write_seccomp_features(model::JsonWriter& json)
{
    json.key("seccomp").begin('{').member("enabled", true);
    json.list("actions",
              std::array{"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
                         "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"});
    json.list("operators", std::array{"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
                                      "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"});
    json.list("archs", std::array{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390X", "SCMP_ARCH_X32",
                                  "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"});
    json.list("knownFlags", std::array{"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
                                       "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"});
    json.end('}');
}

void write_linux_features(model::JsonWriter& json)
{
    json.key("linux").begin('{');
    json.list("namespaces", std::array{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"});
    json.key("capabilities").begin('[');
    for (int number = 0; number <= 40; ++number)
        json.value(sys::capability_name(number));
    json.end(']');
    json.key("cgroup").begin('{').member("v1", true).member("v2", true).member("systemd", true);
    json.member("systemdUser", true).member("rdma", true).end('}');
    write_seccomp_features(json);
    json.key("apparmor").begin('{').member("enabled", true).end('}');
    json.key("selinux").begin('{').member("enabled", true).end('}');
    json.key("intelRdt").begin('{').member("enabled", true).member("schemata", true).member("monitoring", true).end('}');
    json.key("memoryPolicy").begin('{');
    json.list("modes", sys::known_memory_modes());
    json.list("flags", sys::known_memory_flags());
    json.end('}');
    json.key("netDevices").begin('{').member("enabled", true).end('}');
    json.key("mountExtensions").begin('{').key("idmap").begin('{').member("enabled", true).end('}').end('}');
    json.end('}');
}

} // namespace

std::span<const Option> spec_options()
{
    static constexpr std::array all{
        Option{"bundle", 'b', Kind::text, "DIR", "where to write it (default: here)"},
        Option{"rootless", 0, Kind::flag, "", "for a user without privilege"},
    };
    return all;
}

Result<int> spec_command(const Globals&, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, spec_options(), OptionOrder::anywhere));
    auto const path = arguments.get("bundle", ".") + "/config.json";
    auto const text = default_spec(arguments.has("rootless") ? SpecKind::rootless : SpecKind::privileged);
    auto const file = sys::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!file.ok())
        return Error{file.error()};
    TRY(sys::write_all(file.value().get(), text));
    return 0;
}

Result<int> features_command(const Globals&, Words)
{
    model::JsonWriter json;
    json.begin('{').member("ociVersionMin", "1.0.0").member("ociVersionMax", "1.3.0");
    json.list("hooks", std::array{"createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"});
    json.key("mountOptions").begin('[');
    for (const auto& option : known_mount_options())
        json.value(option);
    json.end(']');
    write_linux_features(json);
    json.key("annotations").begin('{').member("org.nova.nb.version", NOVA_VERSION).end('}').end('}');
    TRY(sys::write_all(1, json.text() + "\n"));
    return 0;
}

} // namespace nova::runtime
