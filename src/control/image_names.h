#pragma once

#include <string>

namespace nova::control {

/// "web" -> "web:latest"; leaves tags and digests alone.
std::string normal_reference(const std::string& reference);

} // namespace nova::control
