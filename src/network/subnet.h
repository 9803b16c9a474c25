#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "network/networks.h"
#include "sys/link.h"

namespace nova::network {

/// The first of 10.88.0.0/24, 10.88.1.0/24, ... 10.127.255.0/24 that overlaps neither a subnet in `taken` nor one in `routes`.
/// Both hold CIDR text; what is no IPv4 subnet, and default routes, are passed over. Errors: resource_exhausted - all are taken.
Result<std::string> pick_subnet(const std::vector<std::string>& taken, const std::vector<std::string>& routes);

/// Destinations of all routes of this host, as pick_subnet takes them.
Result<std::vector<std::string>> host_routes();

/// Errors: failed_precondition - a route over a link other than the bridge overlaps the subnet; the message names the link.
Status check_routes(const std::string& subnet, const std::string& bridge, const std::vector<sys::Route>& routes,
                    const std::vector<sys::Link>& links);

} // namespace nova::network
