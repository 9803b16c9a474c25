#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/toml_text.h"

namespace nova::model {

/// What a NovaFile says, as the objects it is a short way of writing.
struct NovaFile {
    std::string project;                 ///< Where the file gives none: made from the directory's name.
    std::vector<nlohmann::json> objects; ///< Images, Networks, Pods, VirtualMachines; admitted, labelled with the project.
    /// What the file asks for and this version can't do yet (gpu_passthrough, type = "overlay"), with its place. The file is well
    /// formed, but who applies it in spite of these gets less than it says: `plan` shows them, `up` refuses.
    std::vector<base::Cause> unsupported;
    std::map<std::string, std::string> image_sections; ///< By the name of the Image object: "web-latest" -> "image.web".
    std::map<std::string, Position> positions;         ///< Of each key, by its path.
    std::string path;                                  ///< As it was given to parse_novafile.

    /// What turned out to be wrong with a field ("image.web.source") after the file was read, with its place.
    base::Cause cause(const std::string& field, std::string message) const;
};

/// Reads a NovaFile (TOML). Relative paths (images, kernels, volumes that begin with "." or "/") are made absolute from
/// `directory`, which should be absolute itself.
/// Errors: invalid_argument with one Cause for each thing wrong, with file, line and column of the key or value: unknown key,
/// wrong type, bad size or address, overlapping subnets, undefined network, the same host port twice, a file that is missing, a
/// name that is no DNS label. Where it is no TOML at all: only the first such place.
base::Result<NovaFile> parse_novafile(std::string_view text, const std::string& file, const std::string& directory);

/// Only the project of it, whatever else is wrong with the file: what is up must be able to go down.
/// Errors: invalid_argument - no TOML, or the project's name is no DNS label.
base::Result<std::string> parse_project_name(std::string_view text, const std::string& file, const std::string& directory);

/// What may stand in a NovaFile, in the form of explain().
nlohmann::json explain_novafile();

} // namespace nova::model
