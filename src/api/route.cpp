#include "api/route.h"

#include "base/strings.h"

namespace nova::api {
namespace {

using Steps = std::vector<std::string>;

base::Error unknown() { return {base::Code::not_found, "the server could not find the requested resource"}; }

Result<Steps> split_path(std::string_view path)
{
    while (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    if (!path.starts_with('/'))
        return unknown();
    Steps steps;
    for (const auto& step : base::split(path.substr(1), '/')) {
        auto decoded = TRY(percent_decode(step, Plus::stays));
        if (decoded.empty() || decoded == "." || decoded == ".." || decoded.find('/') != std::string::npos)
            return unknown(); // Such a name would reach other keys of the store.
        steps.push_back(std::move(decoded));
    }
    return steps;
}

bool has_subresource(const model::KindInfo& kind, std::string_view name)
{
    if (name == "status")
        return kind.kind != "Event";
    if (kind.kind == "Pod")
        return name == "log" || name == "exec" || name == "attach";
    return kind.kind == "VirtualMachine" && (name == "log" || name == "console");
}

/// What follows "/api/v1" or "/apis/<g>/<v>".
Result<Route> find_resource(Route route, Steps steps)
{
    if (steps.empty()) {
        route.place = Place::resources;
        return route;
    }
    // "namespaces/NAME/PLURAL…" is something in a namespace, but "namespaces/NAME" and "namespaces/NAME/status" are that itself.
    bool const within = steps[0] == "namespaces" && steps.size() >= 3 && !(steps.size() == 3 && steps[2] == "status");
    if (within) {
        route.space = steps[1];
        steps.erase(steps.begin(), steps.begin() + 2);
    }
    route.kind = model::find_resource(route.group, route.version, steps[0]);
    if (route.kind == nullptr || steps.size() > 3 || (within && !route.kind->namespaced))
        return unknown();
    if (steps.size() >= 2 && route.kind->namespaced && route.space.empty())
        return unknown(); // One object of a namespaced kind is only found in its namespace.
    route.place = Place::collection;
    if (steps.size() >= 2) {
        route.place = Place::object;
        route.name = steps[1];
    }
    if (steps.size() == 3) {
        if (!has_subresource(*route.kind, steps[2]))
            return unknown();
        route.place = Place::subresource;
        route.subresource = steps[2];
    }
    return route;
}

bool is_known_group(std::string_view group, std::string_view version)
{
    for (const auto& kind : model::kinds())
        if (kind.group == group && (version.empty() || kind.version == version))
            return true;
    return false;
}

Result<Route> find_in_group(Steps steps)
{
    if (steps.size() == 1)
        return Route{.place = Place::groups};
    Route route{.group = steps[1]};
    if (!is_known_group(route.group, steps.size() > 2 ? steps[2] : ""))
        return unknown();
    if (steps.size() == 2) {
        route.place = Place::group;
        return route;
    }
    route.version = steps[2];
    return find_resource(std::move(route), Steps(steps.begin() + 3, steps.end()));
}

} // namespace

Result<Route> find_route(std::string_view path)
{
    auto steps = TRY(split_path(path));
    if (steps[0] == "apis")
        return find_in_group(std::move(steps));
    if (steps[0] == "api") {
        if (steps.size() == 1)
            return Route{.place = Place::core_versions};
        if (steps[1] != "v1")
            return unknown();
        return find_resource(Route{.version = "v1"}, Steps(steps.begin() + 2, steps.end()));
    }
    if (steps.size() == 1 && steps[0] == "version")
        return Route{.place = Place::version};
    if (steps.size() == 1 && (steps[0] == "healthz" || steps[0] == "livez" || steps[0] == "readyz"))
        return Route{.place = Place::health};
    if (steps.size() == 2 && steps[0] == "openapi" && steps[1] == "v2")
        return Route{.place = Place::openapi};
    return unknown();
}

} // namespace nova::api
