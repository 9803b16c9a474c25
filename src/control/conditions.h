#pragma once

#include <string>
#include <vector>

#include "model/object.h"

namespace nova::control {

/// Puts a condition in place of the one of its type. `changed` moves only when the status does, so that repeating the same
/// statement changes nothing. True where this says something new: only that is worth an Event.
bool set_condition(std::vector<model::Condition>& conditions, const std::string& type, bool holds, const std::string& reason,
                   const std::string& message);

} // namespace nova::control
