#pragma once

#include <string>

namespace nova::runtime {

enum class SpecKind { privileged, rootless };

/// The config.json that `nb spec` writes: sh in all six namespaces, with the default mounts, capabilities, masked paths and the
/// default seccomp profile.
std::string default_spec(SpecKind kind);

} // namespace nova::runtime
