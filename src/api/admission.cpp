#include "api/admission.h"

#include "api/objects.h"
#include "model/cidr.h"
#include "model/kinds.h"
#include "model/object.h"

namespace nova::api {
namespace {

using Causes = std::vector<base::Cause>;

struct Subject {
    keyspace::Keyspace& store;
    const model::KindInfo& kind;
    const json& object;
    model::Key key;
    const json* before; ///< Null: it is being created.

    /// Whether a text differs from what was written before: what stood there already is not judged again.
    bool sets(const char* pointer) const;
};

std::string text(const json& object, const char* pointer)
{
    json::json_pointer const at{pointer};
    return object.contains(at) && object.at(at).is_string() ? object.at(at).get<std::string>() : std::string{};
}

bool Subject::sets(const char* pointer) const { return before == nullptr || text(*before, pointer) != text(object, pointer); }

/// Every other object of a kind, in all namespaces: subnets and ports belong to the host.
Result<std::vector<json>> others(const Subject& subject, const std::string& kind)
{
    std::vector<json> found;
    auto const page = TRY(subject.store.list(model::storage_prefix(kind)));
    for (const auto& record : page.records)
        if (record.key != model::storage_key(subject.key))
            found.push_back(TRY(object_of(record)));
    return found;
}

std::string name_of(const json& object)
{
    auto const space = text(object, "/metadata/namespace");
    return (space.empty() ? "" : space + "/") + text(object, "/metadata/name");
}

Status check_namespace(const Subject& subject)
{
    if (!subject.kind.namespaced || subject.before != nullptr)
        return base::done();
    auto const record = subject.store.get(model::storage_key({"Namespace", "", subject.key.space}));
    if (failed_with(record, base::Code::not_found))
        return base::Error{base::Code::not_found, "namespaces \"" + subject.key.space + "\" not found"};
    auto const found = TRY(record);
    auto const space = TRY(object_of(found));
    if (space["metadata"].contains("deletionTimestamp"))
        return base::Error{base::Code::permission_denied,
                           "namespace " + subject.key.space + " is being deleted: nothing new can be made in it"};
    return base::done();
}

Status check_subnet(const Subject& subject, Causes& causes)
{
    auto const wanted = text(subject.object, "/spec/subnet");
    auto const mine = model::parse_subnet(wanted);
    if (subject.kind.kind != "Network" || wanted.empty() || !mine.ok() || !subject.sets("/spec/subnet"))
        return base::done(); // A subnet that can't be read was refused before.
    for (const auto& other : TRY(others(subject, "Network"))) {
        auto theirs = text(other, "/spec/subnet");
        if (theirs.empty())
            theirs = text(other, "/status/subnet"); // Nova picked it.
        auto const range = model::parse_subnet(theirs);
        if (range.ok() && mine.value().overlaps(range.value()))
            causes.push_back({"spec.subnet", wanted + " overlaps " + theirs + " of network " + name_of(other)});
    }
    return base::done();
}

Status check_bridge(const Subject& subject, Causes& causes)
{
    auto const wanted = text(subject.object, "/spec/bridge");
    if (subject.kind.kind != "Network" || wanted.empty() || !subject.sets("/spec/bridge"))
        return base::done();
    for (const auto& other : TRY(others(subject, "Network")))
        if (text(other, "/spec/bridge") == wanted || text(other, "/status/bridge") == wanted)
            causes.push_back({"spec.bridge", wanted + " is the bridge of network " + name_of(other)});
    return base::done();
}

Status check_network_exists(const Subject& subject, Causes& causes)
{
    auto const network = text(subject.object, "/spec/network");
    if ((subject.kind.kind != "Pod" && subject.kind.kind != "VirtualMachine") || network.empty() ||
        !subject.sets("/spec/network"))
        return base::done();
    const auto* const networks = model::find_kind("Network");
    bool const per_namespace = networks == nullptr || networks->namespaced;
    auto const record = subject.store.get(model::storage_key({"Network", per_namespace ? subject.key.space : "", network}));
    if (failed_with(record, base::Code::not_found)) {
        causes.push_back({"spec.network", "there is no network \"" + network + "\" in namespace " + subject.key.space});
        return base::done();
    }
    auto const found = TRY(record);
    auto const object = TRY(object_of(found));
    if (object["metadata"].contains("deletionTimestamp"))
        causes.push_back({"spec.network", "network \"" + network + "\" is being deleted"});
    return base::done();
}

struct HostPort {
    std::string field;
    std::int64_t port = 0;
    std::string address; ///< Empty: every address.
    std::string protocol;

    bool clashes_with(const HostPort& other) const
    {
        auto const everywhere = [](const std::string& ip) { return ip.empty() || ip == "0.0.0.0" || ip == "::"; };
        return port == other.port && protocol == other.protocol &&
               (address == other.address || everywhere(address) || everywhere(other.address));
    }
};

std::vector<HostPort> host_ports(const json& pod)
{
    std::vector<HostPort> found;
    json::json_pointer const containers{"/spec/containers"};
    if (!pod.contains(containers) || !pod.at(containers).is_array())
        return found;
    for (std::size_t c = 0; c < pod.at(containers).size(); ++c) {
        auto const ports = pod.at(containers)[c].value("ports", json::array());
        for (std::size_t p = 0; p < ports.size(); ++p)
            if (auto const number = ports[p].value("hostPort", std::int64_t{0}); number != 0)
                found.push_back({"spec.containers[" + std::to_string(c) + "].ports[" + std::to_string(p) + "].hostPort", number,
                                 ports[p].value("hostIP", ""), ports[p].value("protocol", "TCP")});
    }
    return found;
}

Status check_host_ports(const Subject& subject, Causes& causes)
{
    if (subject.kind.kind != "Pod")
        return base::done();
    auto const mine = host_ports(subject.object);
    for (std::size_t i = 0; i < mine.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (mine[i].clashes_with(mine[j]))
                causes.push_back({mine[i].field, "host port " + std::to_string(mine[i].port) + " stands twice"});
    if (mine.empty())
        return base::done();
    for (const auto& other : TRY(others(subject, "Pod")))
        for (const auto& theirs : host_ports(other))
            for (const auto& port : mine)
                if (port.clashes_with(theirs))
                    causes.push_back(
                        {port.field, "host port " + std::to_string(port.port) + " is taken by pod " + name_of(other)});
    return base::done();
}

Status check_image_reference(const Subject& subject, Causes& causes)
{
    auto const reference = text(subject.object, "/spec/reference");
    if (subject.kind.kind != "Image" || reference.empty() || !subject.sets("/spec/reference"))
        return base::done();
    for (const auto& other : TRY(others(subject, "Image")))
        if (model::full_reference(text(other, "/spec/reference")) == model::full_reference(reference))
            causes.push_back({"spec.reference", "\"" + reference + "\" is the reference of image " + name_of(other)});
    return base::done();
}

} // namespace

Status Admission::check(const model::KindInfo& kind, const json& object, const json* before) const
{
    Subject const subject{store_, kind, object, model::key_of(kind, object), before};
    TRY(check_namespace(subject));
    Causes causes;
    TRY(check_subnet(subject, causes));
    TRY(check_bridge(subject, causes));
    TRY(check_network_exists(subject, causes));
    TRY(check_host_ports(subject, causes));
    TRY(check_image_reference(subject, causes));
    if (!causes.empty())
        return base::Error::invalid(std::move(causes));
    return base::done();
}

} // namespace nova::api
