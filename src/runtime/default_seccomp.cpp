#include "runtime/default_seccomp.h"

#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "model/json_writer.h"

namespace nova::runtime {
namespace {

struct Listed {
    enum class Rule { allow, allow_with, deny } rule;
    std::string_view capability;
    std::string_view name;
};

constexpr auto listed = std::to_array<Listed>({
#define ALLOW(name) {Listed::Rule::allow, "", #name},
#define ALLOW_WITH(capability, name) {Listed::Rule::allow_with, #capability, #name},
#define DENY(name) {Listed::Rule::deny, "", #name},
#include "runtime/default_seccomp.inc"
#undef ALLOW
#undef ALLOW_WITH
#undef DENY
});

using Names = std::vector<std::string_view>;

/// One comparison of one argument; value_two is the mask's wanted result.
struct Condition {
    int argument;
    std::uint64_t value;
    std::uint64_t value_two;
    std::string_view op;
};

void write_rule(model::JsonWriter& json, const Names& names, std::string_view action, int errno_return = 0)
{
    json.begin('{').key("names").begin('[');
    for (auto const name : names)
        json.value(name);
    json.end(']').member("action", action);
    if (errno_return != 0)
        json.member("errnoRet", errno_return);
    json.end('}');
}

void write_conditional(model::JsonWriter& json, std::string_view name, const Condition& condition)
{
    json.begin('{').key("names").begin('[').value(name).end(']').member("action", "SCMP_ACT_ALLOW").key("args").begin('[');
    json.begin('{').member("index", condition.argument).member("value", condition.value);
    json.member("valueTwo", condition.value_two).member("op", condition.op).end('}').end(']').end('}');
}

constexpr std::uint64_t new_namespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

/// Calls whose arguments decide.
void write_conditionals(model::JsonWriter& json, const std::set<std::string>& capabilities)
{
    // personality: the four that only ask or change how addresses are laid out for old programs.
    for (std::uint64_t const allowed : {0x0ull, 0x0008ull, 0x20000ull, 0x20008ull, 0xffffffffull})
        write_conditional(json, "personality", {0, allowed, 0, "SCMP_CMP_EQ"});
    // AF_VSOCK would reach the hypervisor past every network policy.
    if (capabilities.contains("CAP_SYS_ADMIN")) {
        write_rule(json, {"clone", "socket"}, "SCMP_ACT_ALLOW");
        return;
    }
    write_conditional(json, "socket", {0, AF_VSOCK, 0, "SCMP_CMP_NE"});
    // No new namespaces. clone3 hides its flags from a filter: ENOSYS makes the C library use clone.
    write_conditional(json, "clone", {0, new_namespaces, 0, "SCMP_CMP_MASKED_EQ"});
}

} // namespace

std::string default_seccomp(const std::set<std::string>& capabilities)
{
    Names allowed;
    Names denied;
    for (const auto& entry : listed) {
        bool const open = entry.rule == Listed::Rule::allow ||
                          (entry.rule == Listed::Rule::allow_with && capabilities.contains(std::string{entry.capability}));
        if (open)
            allowed.push_back(entry.name);
        else if (entry.name != "clone3")
            denied.push_back(entry.name);
    }
    model::JsonWriter json;
    json.begin('{').member("defaultAction", "SCMP_ACT_ERRNO").member("defaultErrnoRet", ENOSYS);
    json.key("architectures").begin('[');
#if defined(__x86_64__)
    json.value("SCMP_ARCH_X86_64").value("SCMP_ARCH_X86").value("SCMP_ARCH_X32");
#elif defined(__aarch64__)
    json.value("SCMP_ARCH_AARCH64").value("SCMP_ARCH_ARM");
#endif
    json.end(']').key("syscalls").begin('[');
    write_rule(json, allowed, "SCMP_ACT_ALLOW");
    write_rule(json, denied, "SCMP_ACT_ERRNO", EPERM);
    write_conditionals(json, capabilities);
    return json.end(']').end('}').text();
}

} // namespace nova::runtime
