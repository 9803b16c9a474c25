#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace nova::api {

using base::Result;
using nlohmann::json;

enum class PatchType {
    merge,      ///< RFC 7386: application/merge-patch+json
    operations, ///< RFC 6902: application/json-patch+json
    strategic,  ///< Kubernetes: as merge, but lists of named things are merged by their key.
};

/// Empty for a media type that is no patch we know.
std::optional<PatchType> patch_type(std::string_view media_type);

/// Errors: invalid_argument - it is no patch, it names what is not there, or a "test" in it does not hold.
Result<json> apply_patch(PatchType type, const json& object, const json& patch);

} // namespace nova::api
