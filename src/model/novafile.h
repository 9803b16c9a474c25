#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "base/result.h"

namespace nova::model {

/// What a NovaFile says, as the objects it is a short way of writing.
struct NovaFile {
    std::string project;
    std::vector<nlohmann::json> objects; ///< Images, Networks, Pods, VirtualMachines; admitted, labelled with the project.
};

/// Reads a NovaFile (TOML). Relative paths (images, kernels, volumes that begin with "." or "/") are made absolute from `directory`.
/// Errors: invalid_argument with one Cause for each thing wrong, with file, line and column of the key or value: unknown key, wrong
/// type, bad size or address, overlapping subnets, undefined network, the same host port twice, a file that is missing, a name that
/// is no DNS label.
base::Result<NovaFile> parse_novafile(std::string_view text, const std::string& file, const std::string& directory);

} // namespace nova::model
