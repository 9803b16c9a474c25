#pragma once

#include <string>

#include "base/result.h"
#include <nlohmann/json.hpp>

namespace nova::client {

/// The error that an answer other than 2xx stands for: a Kubernetes Status, or whatever its HTTP code says.
base::Error error_of(int http_status, const std::string& body);

/// The same of a Status object (an ERROR event, the end of a session).
base::Error error_of(const nlohmann::json& status);

} // namespace nova::client
