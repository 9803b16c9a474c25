#include "runtime/device_filter.h"

#include "runtime/cgroups.h"
#include "sys/device_access.h"

namespace nova::runtime {

using base::done;
namespace oci = model::oci;

const std::vector<oci::DeviceRule>& default_device_rules()
{
    using Rule = oci::DeviceRule;
    static const std::vector<Rule> rules{
        Rule{true, "c", {}, {}, "m"}, Rule{true, "b", {}, {}, "m"}, Rule{true, "c", 1, 3, "rwm"},    Rule{true, "c", 1, 5, "rwm"},
        Rule{true, "c", 1, 7, "rwm"}, Rule{true, "c", 1, 8, "rwm"}, Rule{true, "c", 1, 9, "rwm"},    Rule{true, "c", 5, 0, "rwm"},
        Rule{true, "c", 5, 1, "rwm"}, Rule{true, "c", 5, 2, "rwm"}, Rule{true, "c", 136, {}, "rwm"},
    };
    return rules;
}

std::string to_legacy_rule(const oci::DeviceRule& rule)
{
    auto const number = [](const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : "*"; };
    return rule.type + " " + number(rule.major) + ":" + number(rule.minor) + " " + rule.access;
}

namespace {

/// "Everything", which the controller takes only as "a".
bool is_all(const oci::DeviceRule& rule)
{
    return rule.type == "a" && !rule.major && !rule.minor && (rule.access.empty() || rule.access.size() == 3);
}

Status write_legacy_rule(const sys::Cgroup& cgroup, const oci::DeviceRule& rule)
{
    auto const file = rule.allow ? "devices.allow" : "devices.deny";
    if (is_all(rule))
        return cgroup.write("devices", file, "a");
    if (rule.access.empty())
        return done();
    if (rule.type != "a")
        return cgroup.write("devices", file, to_legacy_rule(rule));
    for (const char* const type : {"b", "c"}) {
        auto one = rule;
        one.type = type;
        TRY(cgroup.write("devices", file, to_legacy_rule(one)));
    }
    return done();
}

sys::DeviceAccess to_access(const oci::DeviceRule& rule)
{
    auto const number = [](const std::optional<std::int64_t>& value) {
        return value ? std::optional{static_cast<std::uint32_t>(*value)} : std::nullopt;
    };
    auto const may = [&](char kind) { return rule.access.empty() || rule.access.find(kind) != std::string::npos; };
    return {.allow = rule.allow,
            .type = rule.type.front(),
            .major = number(rule.major),
            .minor = number(rule.minor),
            .read = may('r'),
            .write = may('w'),
            .make = may('m')};
}

Status attach_unified(const sys::Cgroup& cgroup, const std::vector<oci::DeviceRule>& rules)
{
    std::vector<sys::DeviceAccess> accesses;
    for (const auto* const list : {&rules, &default_device_rules()})
        for (const auto& rule : *list)
            accesses.push_back(to_access(rule));
    auto const directory = TRY(cgroup.open_directory());
    return sys::attach_device_filter(directory.get(), accesses);
}

} // namespace

Status apply_device_rules(const sys::Cgroup& cgroup, const std::vector<oci::DeviceRule>& rules)
{
    if (cgroup.layout() == sys::CgroupLayout::unified)
        return attach_unified(cgroup, rules).context("linux.resources.devices");
    if (!cgroup.has("devices")) {
        if (rules.empty())
            return done();
        return base::Error{base::Code::unimplemented, "linux.resources.devices: controller devices is not available here"};
    }
    TRY(cgroup.write("devices", "devices.deny", "a"));
    for (const auto& rule : rules)
        TRY(write_legacy_rule(cgroup, rule).context("linux.resources.devices"));
    for (const auto& rule : default_device_rules())
        TRY(write_legacy_rule(cgroup, rule));
    return done();
}

} // namespace nova::runtime
