#pragma once

#include <string>

#include "base/result.h"
#include "model/oci_config.h"

namespace nova::runtime {

using base::Result;

/// A compiled profile and how it is to be loaded.
struct SeccompFilter {
    std::string code;
    unsigned flags = 0;
    bool wants_listener = false; ///< There is a listenerPath.
};

/// Whether a rule asks the agent at listenerPath. Where none does, the agent is given a listener that hears nothing, as crun
/// does; and then it is no error that there is no agent.
bool notifies(const model::oci::Seccomp& profile);

/// Compiles linux.seccomp, or takes the program from the cache in `cache_directory` (made when missing), which keeps each
/// program beside the text it came from. A cache that can't be written is no error.
/// Errors: invalid_argument - names what is unknown.
Result<SeccompFilter> compile_profile(const model::oci::Seccomp& profile, const std::string& cache_directory);

} // namespace nova::runtime
