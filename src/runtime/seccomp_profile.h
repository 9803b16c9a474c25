#pragma once

#include <string_view>

#include "base/result.h"
#include "model/oci_config.h"
#include "runtime/seccomp_cache.h"

namespace nova::runtime {

using base::Result;

/// Whether a rule asks the agent at listenerPath. Where none does, the agent is given a listener that hears nothing, as crun
/// does; and then it is no error that there is no agent.
bool notifies(const model::oci::Seccomp& profile);

/// Whether the profile of this text need not be read (model::oci::KnowsSeccomp): all that matters of it is in the cache.
bool knows_whole(SeccompCache& cache, std::string_view text);

/// Compiles linux.seccomp, or takes the program from the cache. Errors: invalid_argument - names what is unknown.
Result<SeccompFilter> compile_profile(const model::oci::Seccomp& profile, SeccompCache& cache);

} // namespace nova::runtime
