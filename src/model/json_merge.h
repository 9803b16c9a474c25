#pragma once

#include <string>

#include "model/json_reader.h"

namespace nova::model {

/// `base` with the members of `patch` set into it: objects are merged member by member, anything else takes the place of what
/// was there (RFC 7396, but a null is set as it is). Where a key stands twice the last one counts.
std::string merge_json(JsonValue base, JsonValue patch);

} // namespace nova::model
