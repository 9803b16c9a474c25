#include "runtime/device_filter.h"

#include "runtime/cgroups.h"
#include "sys/device_access.h"
#include "sys/file.h"

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

/// The two files of the controller, open.
class LegacyRules {
public:
    static Result<LegacyRules> open(const sys::Cgroup& cgroup)
    {
        auto allow = TRY(cgroup.open_for_writing("devices", "devices.allow"));
        auto deny = TRY(cgroup.open_for_writing("devices", "devices.deny"));
        return LegacyRules{std::move(allow), std::move(deny)};
    }

    Status deny_all() const { return put(deny_, "a"); }

    Status write(const oci::DeviceRule& rule) const
    {
        const auto& file = rule.allow ? allow_ : deny_;
        if (is_all(rule))
            return put(file, "a");
        if (rule.access.empty())
            return done();
        if (rule.type != "a")
            return put(file, to_legacy_rule(rule));
        for (const char* const type : {"b", "c"}) {
            auto one = rule;
            one.type = type;
            TRY(put(file, to_legacy_rule(one)));
        }
        return done();
    }

private:
    LegacyRules(sys::UniqueFd allow, sys::UniqueFd deny) : allow_(std::move(allow)), deny_(std::move(deny)) {}

    static Status put(const sys::UniqueFd& file, const std::string& text)
    {
        return sys::write_all(file.get(), text).context("device rule \"" + text + "\"");
    }

    sys::UniqueFd allow_;
    sys::UniqueFd deny_;
};

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
    auto const legacy = TRY(LegacyRules::open(cgroup));
    if (rules.empty() || rules.front().allow || !is_all(rules.front())) // Else that one does it.
        TRY(legacy.deny_all());
    for (const auto& rule : rules)
        TRY(legacy.write(rule).context("linux.resources.devices"));
    for (const auto& rule : default_device_rules())
        TRY(legacy.write(rule));
    return done();
}

} // namespace nova::runtime
