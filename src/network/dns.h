#pragma once

#include <optional>
#include <string>

#include "model/process_spec.h"
#include "network/networks.h"

namespace nova::network {

/// The files of one switch's dnsmasq, all in <run_directory>/dns/<switch>/.
struct DnsFiles {
    std::string directory;
    std::string hosts;        ///< Names, as in /etc/hosts.
    std::string reservations; ///< Addresses that belong to a MAC.
    std::string leases;       ///< dnsmasq's own.
    std::string pid;          ///< dnsmasq's own.
    std::string log;
};

DnsFiles dns_files(const Options& options, const std::string& name);

/// An external network has its own DHCP and DNS; every other switch is served.
bool needs_dns(const SwitchPlan& plan);

std::string print_hosts(const SwitchPlan& plan);
std::string print_reservations(const SwitchPlan& plan);

/// The process. Depends on neither hosts nor ports, so that a new workload never restarts it. It does depend on the bridge's
/// index: dnsmasq's sockets are bound to one bridge for good, and stay deaf when another of the same name takes its place.
/// Errors: not_found - dnsmasq is not installed.
Result<model::ProcessSpec> dns_process(const Options& options, const SwitchPlan& plan, int bridge_index);

/// Writes what differs, and has a running dnsmasq read it (SIGHUP). Ends one that was started otherwise than dns_process says,
/// and returns when it is gone; whoever keeps it running starts it anew.
Status ensure_dns_files(const Options& options, const SwitchPlan& plan, int bridge_index);

/// Ends it and removes its files.
Status remove_dns_files(const Options& options, const std::string& name);

} // namespace nova::network
