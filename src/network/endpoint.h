#pragma once

#include <string>

#include "network/networks.h"

namespace nova::network {

/// What nb is told on stdin: `nb endpoint` makes one capsule's plug. Part of the static program, so nothing here needs nftables.
struct EndpointRequest {
    EndpointPlan plan;
    std::string instance;
    std::string netns; ///< The file that pins the namespace.
};

std::string print_request(const EndpointRequest& request);
Result<EndpointRequest> parse_request(const std::string& text);

/// Makes, or completes, the namespace, pinned at the path, with loopback and `eth0` as planned, on the bridge. Moves the calling
/// process between namespaces, so it is only for a process of its own with one thread.
/// Errors: already_exists - a link of that name is not ours; not_found - no such bridge.
Status make_endpoint(const EndpointRequest& request);

/// `nb endpoint`: reads a request from stdin. Returns the exit status; errors go to stderr.
int endpoint_main();

} // namespace nova::network
