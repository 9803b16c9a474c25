#include "api/discovery.h"

namespace nova::api {
namespace {

constexpr auto object_verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};

json api_group(const std::string& group)
{
    json versions = json::array();
    for (const auto& kind : model::kinds()) {
        json const version{{"groupVersion", kind.api_version()}, {"version", kind.version}};
        if (kind.group == group && std::find(versions.begin(), versions.end(), version) == versions.end())
            versions.push_back(version);
    }
    return {{"name", group}, {"versions", versions}, {"preferredVersion", versions.front()}};
}

json api_groups()
{
    json groups = json::array();
    for (const auto& kind : model::kinds()) {
        auto group = kind.group.empty() ? json{} : api_group(kind.group);
        if (!kind.group.empty() && std::find(groups.begin(), groups.end(), group) == groups.end())
            groups.push_back(std::move(group));
    }
    return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}};
}

json subresource(const model::KindInfo& kind, const char* name, std::initializer_list<const char*> verbs)
{
    return {{"name", kind.plural + "/" + name},
            {"singularName", ""},
            {"namespaced", kind.namespaced},
            {"kind", kind.kind},
            {"verbs", verbs}};
}

void add_resources(const model::KindInfo& kind, json& resources)
{
    json resource{{"name", kind.plural}, {"singularName", kind.singular}, {"namespaced", kind.namespaced},
                  {"kind", kind.kind},   {"verbs", object_verbs},         {"categories", {"all"}}};
    if (!kind.short_names.empty())
        resource["shortNames"] = kind.short_names;
    resources.push_back(std::move(resource));
    if (kind.kind != "Event")
        resources.push_back(subresource(kind, "status", {"get", "patch", "update"}));
    if (kind.kind == "Pod" || kind.kind == "VirtualMachine")
        resources.push_back(subresource(kind, "log", {"get"}));
    if (kind.kind == "VirtualMachine")
        resources.push_back(subresource(kind, "console", {"create", "get"}));
    if (kind.kind == "Pod")
        for (const auto* name : {"attach", "exec"})
            resources.push_back(subresource(kind, name, {"create", "get"}));
}

json api_resources(const Route& route)
{
    json resources = json::array();
    for (const auto& kind : model::kinds())
        if (kind.group == route.group && kind.version == route.version)
            add_resources(kind, resources);
    auto const group_version = route.group.empty() ? route.version : route.group + "/" + route.version;
    return {{"kind", "APIResourceList"}, {"apiVersion", "v1"}, {"groupVersion", group_version}, {"resources", resources}};
}

} // namespace

json discovery(const Route& route)
{
    if (route.place == Place::core_versions)
        return {{"kind", "APIVersions"}, {"versions", {"v1"}}, {"serverAddressByClientCIDRs", json::array()}};
    if (route.place == Place::groups)
        return api_groups();
    if (route.place == Place::group) {
        auto group = api_group(route.group);
        group["kind"] = "APIGroup";
        group["apiVersion"] = "v1";
        return group;
    }
    return api_resources(route);
}

} // namespace nova::api
