#include "control/conditions.h"

#include <algorithm>

#include "base/clock.h"

namespace nova::control {

bool set_condition(std::vector<model::Condition>& conditions, const std::string& type, bool holds, const std::string& reason,
                   const std::string& message)
{
    model::Condition next{type, holds ? "True" : "False", reason, message, base::to_rfc3339(base::system_clock().now())};
    auto const place = std::find_if(conditions.begin(), conditions.end(), [&](const auto& one) { return one.type == type; });
    if (place == conditions.end()) {
        conditions.push_back(std::move(next));
        return true;
    }
    if (place->status == next.status)
        next.changed = place->changed;
    bool const news = !(*place == next);
    *place = std::move(next);
    return news;
}

} // namespace nova::control
