#pragma once

#include <string>
#include <string_view>

#include "api/message.h"
#include "model/registry.h"

namespace nova::api {

enum class Place {
    version,
    health,
    openapi, ///< /version; /healthz /livez /readyz; /openapi/v2
    core_versions,
    groups, ///< /api; /apis
    group,
    resources, ///< /apis/<g>; /api/v1 and /apis/<g>/<v>
    collection,
    object,
    subresource ///< of a kind
};

/// What a path names.
struct Route {
    Place place = Place::version;
    std::string group{};
    std::string version{};
    const model::KindInfo* kind = nullptr;
    std::string space{}; ///< Empty: no namespace, or all of them.
    std::string name{};
    std::string subresource{}; ///< "status", "log", "exec", "attach", "console"
};

/// Errors: not_found; invalid_argument - bad encoding, or a name that is none.
Result<Route> find_route(std::string_view path);

} // namespace nova::api
