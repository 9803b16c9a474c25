#include "apps/nova/cli/in_use.h"

#include "apps/nova/cli/error_words.h"
#include "apps/nova/cli/object_text.h"
#include "base/strings.h"
#include "model/kinds.h"

namespace nova::app {
namespace {

using nlohmann::json;

/// Of an image: by its object's name, which follows from the reference.
bool uses(const json& workload, const Target& target)
{
    if (target.kind->kind == "Network")
        return text_at(workload, "/spec/network") == target.name;
    for (const auto& container : list_at(workload, "/spec/containers"))
        if (model::image_object_name(model::full_reference(text_at(container, "/image"))) == target.name)
            return true;
    return false;
}

} // namespace

Status check_unused(client::Client& client, const Invocation& invocation, const Target& target)
{
    bool const image = target.kind->kind == "Image";
    if ((!image && target.kind->kind != "Network") || invocation.curl)
        return base::done();
    auto const space = image ? std::string{} : invocation.space; // Images are kept once for all namespaces.
    std::vector<std::string> users;
    for (auto const* kind : workload_kinds())
        for (const auto& workload : TRY(client.list(kind->kind, {.space = space, .labels = "", .fields = ""})).items)
            if (uses(workload, target) && text_at(workload, "/metadata/deletionTimestamp").empty())
                users.push_back(word_for(*kind) + " " + text_at(workload, "/metadata/name"));
    if (users.empty())
        return base::done();
    return base::Error{base::Code::failed_precondition, word_for(*target.kind) + " " + target.name + " is used by " +
                                                            base::join(users, ", ") + ": remove " +
                                                            (users.size() == 1 ? "it" : "them") + " first ('nova rm')"};
}

} // namespace nova::app
