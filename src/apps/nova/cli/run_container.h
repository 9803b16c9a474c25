#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "apps/nova/cli/invocation.h"

namespace nova::app {

struct RunOptions {
    std::string kind;
    std::string name;
    std::vector<std::string> command;
    std::string image;
    std::string network;
    std::vector<std::string> env;
    std::vector<std::string> volumes;
    std::vector<std::string> ports;
    std::string memory;
    bool remove = false;
    bool detach = false;
    int timeout_seconds = 120;
};

/// A capsule of its own, made from an image; in the foreground its output is ours, and so is its exit code.
/// Errors: invalid_argument - an option does not read; already_exists.
Result<int> run_container(const Invocation& invocation, const RunOptions& options);

/// The Pod that the options describe. Errors: invalid_argument - names the option.
Result<nlohmann::json> pod_from(const RunOptions& options, const std::string& space);

} // namespace nova::app
