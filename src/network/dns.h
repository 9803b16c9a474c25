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

/// The process. Depends on neither hosts nor ports, so that a new workload never restarts it.
/// Errors: not_found - dnsmasq is not installed.
Result<model::ProcessSpec> dns_process(const Options& options, const SwitchPlan& plan);

/// Writes what differs, and has a running dnsmasq read it (SIGHUP). Ends one that was started for another plan.
Status ensure_dns_files(const Options& options, const SwitchPlan& plan);

/// Ends the switch's dnsmasq, if there is one; whoever keeps it running starts it anew. Its sockets are bound to one bridge for
/// good, also when that bridge has been replaced by another of the same name. Returns when it is gone.
Status end_dns(const Options& options, const std::string& name);

/// Ends it and removes its files.
Status remove_dns_files(const Options& options, const std::string& name);

} // namespace nova::network
