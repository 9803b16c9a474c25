#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "model/object.h"

namespace nova::app {

/// What making an object so will do to what runs.
enum class Effect {
    none, ///< It is so already.
    create,
    hot,      ///< Changes while it runs.
    restart,  ///< The workload ends and starts again.
    recreate, ///< It is deleted and made anew: what it wrote into itself is lost.
    remove,   ///< It is no longer in the file.
};
std::string_view to_string(Effect effect);

struct FieldChange {
    std::string path;   ///< "spec.memory"
    std::string before; ///< Compact JSON; empty: was not there.
    std::string after;
};

/// Where in the order of making a kind stands: images and networks before workloads. Removal goes the other way round.
int rank(const std::string& kind);

/// One object of a plan.
struct PlannedChange {
    model::Key key;
    Effect effect = Effect::none;
    std::vector<FieldChange> fields;
    nlohmann::json object; ///< As it shall be; null for remove.
    nlohmann::json live;   ///< As it is; null for create.
};

/// The merge patch that turns the live object into the planned one, with null for what is to go.
nlohmann::json replacing_patch(const PlannedChange& change);

/// Holds what the file says against what is there. Both lists are admitted objects (all defaults filled in); `live` are those of
/// the same project. A
/// workload on a network that is made anew is made anew too, and so is what is being removed. The order is the one to make in:
/// images and networks before workloads; removals last, workloads first.
std::vector<PlannedChange> plan_changes(const std::vector<nlohmann::json>& desired, const std::vector<nlohmann::json>& live);

} // namespace nova::app
