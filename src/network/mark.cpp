#include "network/mark.h"

#include "base/strings.h"

namespace nova::network {

std::optional<Mark> parse_mark(const std::string& instance, const std::string& alias)
{
    auto const parts = base::split(alias, ':');
    if (parts.size() < 4 || parts[0] != "nova" || parts[1] != instance)
        return std::nullopt;
    if (parts[2] == "switch" && parts.size() == 4)
        return Mark{Mark::Kind::bridge, parts[3], "", ""};
    if (parts[2] == "port" && parts.size() == 6)
        return Mark{Mark::Kind::port, parts[4], parts[3], parts[5]};
    return std::nullopt;
}

std::string switch_mark(const std::string& instance, const std::string& name)
{
    return base::join({"nova", instance, "switch", name}, ":");
}

std::string port_mark(const std::string& instance, const EndpointPlan& plan)
{
    auto const plug = base::join({plan.link, plan.mac, plan.address, plan.gateway}, "|");
    return base::join({"nova", instance, "port", plan.bridge, plan.id, base::to_hex(base::stable_hash(plug), 16)}, ":");
}

std::string unfinished_port_mark(const std::string& instance, const EndpointPlan& plan)
{
    return base::join({"nova", instance, "port", plan.bridge, plan.id, "-"}, ":");
}

} // namespace nova::network
