#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "network/networks.h"

namespace nova::network {

/// Whether a plan can be carried out at all, looked at alone. It comes from users and from files that anyone may have changed,
/// and its names become file names, arguments and rules: so nothing passes that is not what it should be.
/// Errors: invalid_argument with the field's name.
Status check_plan(const SwitchPlan& plan);
Status check_plan(const EndpointPlan& plan);

/// Whether it fits beside the others. Errors: already_exists - same bridge, same published port, overlapping subnet.
Status check_beside(const SwitchPlan& plan, const std::vector<SwitchPlan>& others);

std::string_view to_string(Profile profile);

/// As it is kept in the state file. parse_plan(print_plan(x)) is x.
std::string print_plan(const SwitchPlan& plan);
/// Errors: invalid_argument - no JSON, another shape, another version, or a plan that check_plan refuses.
Result<SwitchPlan> parse_plan(const std::string& text);

/// "lab.nova.internal"
std::string domain_of(const SwitchPlan& plan);

} // namespace nova::network
