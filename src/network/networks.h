#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/process_spec.h"

namespace nova::network {

using base::Result;
using base::Status;

enum class Profile { internal, external, nat };

/// A name that resolves on a network, and the address DHCP hands to its MAC.
struct Host {
    std::string name;    ///< "web": answers as "web" and "web.<network>.nova.internal".
    std::string address; ///< "10.88.0.12"
    std::string mac;
    bool operator==(const Host&) const = default;
};

/// Traffic to a port of this host goes on to a workload.
struct PublishedPort {
    std::string host_ip; ///< Empty: every local address.
    std::uint16_t host_port = 0;
    std::string address; ///< Where it goes.
    std::uint16_t port = 0;
    std::string protocol = "tcp"; ///< tcp | udp
    bool operator==(const PublishedPort&) const = default;
};

/// Everything that one switch shall be.
struct SwitchPlan {
    std::string name;   ///< "lab": the Network's name, unique under this Nova.
    std::string bridge; ///< The link's name, at most 15 characters.
    Profile profile = Profile::nat;
    std::string subnet;     ///< "10.88.0.0/24"
    std::string gateway;    ///< "10.88.0.1": the bridge's own address.
    std::string dhcp_first; ///< Empty: addresses only by reservation.
    std::string dhcp_last;
    bool dns = true;
    bool stp = false;
    std::string uplink;                  ///< nat: only through this link. Empty: any.
    std::vector<std::string> interfaces; ///< external: put onto the bridge.
    std::vector<Host> hosts;
    std::vector<PublishedPort> ports;
};

/// One workload's plug.
struct EndpointPlan {
    std::string id; ///< "pod.default.web"
    std::string bridge;
    std::string link;    ///< Host side: veth or tap, at most 15 characters.
    std::string mac;     ///< Capsule side.
    std::string address; ///< "10.88.0.12/24"
    std::string gateway; ///< Empty: no default route.
};

/// What was found in the kernel.
struct SwitchState {
    bool link = false; ///< The bridge exists, is ours and is up.
    bool address = false;
    bool rules = false;             ///< Our nftables rules are there as planned.
    std::vector<std::string> ports; ///< Links on the bridge.
    bool active() const { return link && address && rules; }
};

struct Options {
    std::string instance;        ///< 8 hex digits, different for each --root: marks our links and names our nftables table.
    std::string state_directory; ///< Switches are kept in <this>/<switch>.json.
    std::string run_directory;   ///< netns/ and dns/ lie here.
    int program = -1;            ///< Descriptor of the sealed nb, which enters namespaces for us. Borrowed.
};

/// The networks of one Nova. All calls are repeatable; none keeps anything that is not in the kernel or in the files.
///
/// What it can't do, or does unlike what one may think:
/// - A tap that is deleted under a running machine comes back without the machine on it. Bridges and veths come back whole.
/// - Publishing on 127.0.0.1 sets route_localnet on that bridge; the chain `guard` keeps its workloads from the host's loopback.
///   Rules that are flushed by hand take the guard along until they are back, some ten milliseconds later.
/// - Where bridges call the firewall (br_netfilter is on) a workload can't reach its own published port by way of the host; its
///   neighbours can.
/// - An interface lent to an external switch must have no address, and stays up when it is given back.
/// - With the last nat switch ip_forward goes off again where a nat switch turned it on, unless links of others may need it by
///   now (forwarding.h). A firewall of the host that drops what is forwarded (Docker's does, by policy) also drops ours.
class Networks {
public:
    virtual ~Networks() = default;

    /// Makes bridge, address, forwarding, rules, DHCP and DNS data as planned, changing only what differs, and writes the state
    /// file. Does not touch a link that is not ours, and asks nobody whether a published port is free (check_port does). Errors:
    /// already_exists - a link of that name belongs to somebody else; failed_precondition - the subnet is in use on this host;
    /// permission_denied.
    virtual Status ensure_switch(const SwitchPlan& plan) = 0;
    virtual Status remove_switch(const std::string& name) = 0;               ///< Accepts absence.
    virtual Result<SwitchState> observe_switch(const std::string& name) = 0; ///< Errors: not_found - never ensured.
    /// From the state files: what must be there after a restart. A file that can't be read is left out here, and named by
    /// list_broken; what it stands for in the kernel stays as it is.
    virtual Result<std::vector<SwitchPlan>> list_switches() = 0;
    virtual std::vector<base::Error> list_broken() = 0; ///< One error for each state file that is no plan.

    /// Whether the switch may publish this port: it does so already, in these very words, or no program of this host has the
    /// port. Errors: failed_precondition - somebody has, or this host has no such address.
    virtual Status check_port(const std::string& switch_name, const PublishedPort& port) = 0;

    /// The process that serves DHCP and DNS for the switch, for the supervisor; none where the plan needs neither. It shall be
    /// kept running: ensure_switch ends it where it must start afresh (a bridge made anew, another range), and it is gone
    /// when that returns; new hosts it reads without a restart. Start it after ensure_switch.
    /// Errors: not_found - no such switch, or no dnsmasq on this host.
    virtual Result<std::optional<model::ProcessSpec>> service(const std::string& name) = 0;

    /// A pinned network namespace with a veth to the bridge, loopback up, address and route. Returns the path to join.
    virtual Result<std::string> ensure_capsule(const EndpointPlan& plan) = 0;
    /// A persistent tap on the bridge.
    virtual Status ensure_tap(const EndpointPlan& plan) = 0;
    virtual Status remove_endpoint(const EndpointPlan& plan) = 0; ///< Accepts absence.

    /// Calls when somebody (we too) took a link of ours away or changed our rules, from a thread of its own: with the id of the
    /// endpoint whose link it was, or with nothing for the switches. Who is called ensures them again; that changes nothing, and
    /// so calls nobody, where all is as it shall be. An empty function ends it; after that nobody is called any more.
    virtual Status on_change(std::function<void(const std::string& endpoint)> call) = 0;

    /// Removes every link, rule, namespace and file that carries our mark and is not in a state file: what a crash left.
    virtual Status sweep(const std::vector<EndpointPlan>& keep) = 0;
};

Result<std::unique_ptr<Networks>> open_networks(const Options& options);

} // namespace nova::network
