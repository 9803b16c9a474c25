#pragma once

#include <string>
#include <vector>

#include "network/mark.h"
#include "network/networks.h"
#include "sys/link.h"

namespace nova::network {

/// One look at the links of this network namespace, and which of them are ours.
class Links {
public:
    static Result<Links> look(sys::Netlink& netlink, std::string instance);

    const std::vector<sys::Link>& all() const { return all_; }
    const sys::Link* find(const std::string& name) const;
    std::optional<Mark> mark_of(const sys::Link& link) const { return parse_mark(instance_, link.alias); }
    /// The bridge that bears the mark of this switch, whatever its name. Null: none.
    const sys::Link* find_switch(const std::string& name) const;

private:
    std::string instance_;
    std::vector<sys::Link> all_;
};

/// Whether ensure_bridge may do its work. Changes nothing. Errors: already_exists - the link is somebody else's;
/// failed_precondition - the subnet is in use on this host, or an interface for an external network can't be taken.
Status check_bridge(sys::Netlink& netlink, const Links& links, const SwitchPlan& plan);

/// The bridge with its address, settings and ports as planned. Ports of ours that lost their bridge are put back.
Result<sys::Link> ensure_bridge(sys::Netlink& netlink, const std::string& instance, const SwitchPlan& plan);

/// Whether the bridge bears the plan's gateway; true where the plan has none.
Result<bool> has_planned_address(sys::Netlink& netlink, const sys::Link& bridge, const SwitchPlan& plan);

/// Kernel settings that the plan needs: forwarding for nat, route_localnet for published ports. Call it when the rules are in:
/// they guard what route_localnet opens.
Status ensure_bridge_settings(const SwitchPlan& plan);

/// Gives back interfaces that are not ours and removes the switch's bridge. Accepts absence.
Status remove_bridge(sys::Netlink& netlink, const std::string& instance, const std::string& name);

} // namespace nova::network
