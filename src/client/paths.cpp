#include "client/paths.h"

#include "client/request.h"

namespace nova::client {

std::string collection_path(const model::KindInfo& kind, const std::string& space)
{
    auto const root = kind.group.empty() ? "/api/" + kind.version : "/apis/" + kind.group + "/" + kind.version;
    auto const within = kind.namespaced && !space.empty() ? "/namespaces/" + percent_encode(space) : "";
    return root + within + "/" + kind.plural;
}

base::Result<std::string> object_path(const model::Key& key, const std::string& subresource)
{
    const auto& kind = *TRY(kind_named(key.kind));
    if (key.name.empty() || (kind.namespaced && key.space.empty()))
        return base::Error{base::Code::invalid_argument,
                           "a " + key.kind + " needs a name" + (kind.namespaced ? " and a namespace" : "")};
    if (key.name.find('/') != std::string::npos)
        return base::Error{base::Code::invalid_argument, "\"" + key.name + "\" is no name: it has a '/'"};
    return collection_path(kind, key.space) + "/" + percent_encode(key.name) + (subresource.empty() ? "" : "/" + subresource);
}

base::Result<const model::KindInfo*> kind_named(std::string_view kind)
{
    const auto* const found = model::find_kind(kind);
    if (found == nullptr)
        return base::Error{base::Code::invalid_argument, "there is no kind \"" + std::string{kind} + "\""};
    return found;
}

} // namespace nova::client
