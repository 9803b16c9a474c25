#pragma once

#include <string>

#include "base/result.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// A kernel setting under /proc/sys, with slashes: "net/ipv4/ip_forward". Those of net belong to the caller's network namespace.
/// Without the line end. Errors: not_found.
Result<std::string> read_sysctl(const std::string& name);

/// Writes only what differs. Errors: not_found, permission_denied.
Status ensure_sysctl(const std::string& name, const std::string& value);

} // namespace nova::sys
