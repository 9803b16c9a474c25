#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "runtime/globals.h"

namespace nova::runtime {

/// "K=V" of hooks that bring none of their own, which the specification leaves open. Empty: ours, as other runtimes do.
using HookEnvironment = std::optional<std::vector<std::string>>;

/// Runs hooks one after the other with the container's state on stdin.
/// Errors: the first that fails, with its stderr, or that outlives its timeout, which kills it.
base::Status run_hooks(std::string_view kind, const std::vector<model::oci::Hook>& hooks, const std::string& state,
                       const HookEnvironment& unset = {});

/// The container is gone whatever these say: a failure is told as a warning, and the next one runs.
void run_poststop_hooks(const Globals& globals, const std::vector<model::oci::Hook>& hooks, const std::string& state);

} // namespace nova::runtime
