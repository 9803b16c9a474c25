#pragma once

#include <string>
#include <vector>

#include "network/networks.h"

namespace nova::network {

/// The name of our table in family inet: no other table is ever looked at or changed.
std::string table_name(const std::string& instance);

/// All rules of a Nova as one transaction for sys::run_nftables that replaces our table whole, and what tells whether it is in.
struct RuleSet {
    std::string commands;
    std::string stamp; ///< Text of the comment on the one rule of chain "stamp": hash of the plan, and how many rules there are.
};

/// What the plans come to. The same plans, in any order, give the same text. With no plan there is nothing to enforce: commands
/// and stamp are empty, and the table shall not be.
///
/// From where to where, for what the host forwards (nat switch: N, internal: I, other places of the world: W):
///   N to W yes, masqueraded, where an uplink is given only through it; W to N, W to I only to published ports;
///   N to N2, N to I only to published ports, by way of the host's address; I to anywhere no; answers always.
/// For what the host itself receives: from N all that is sent to N's own gateway or to an outer address of the host, from I only
/// DHCP, DNS and ping. Nothing from a switch that says it comes from, or goes to, 127.0.0.0/8: with route_localnet on (which
/// publishing on 127.0.0.1 needs) that would reach the host's private services.
RuleSet plan_rules(const std::string& instance, std::vector<SwitchPlan> plans);

/// The stamp found in what `list table` printed, with the number of rules counted anew; empty where there is none.
std::string find_stamp(const std::string& listing);

} // namespace nova::network
