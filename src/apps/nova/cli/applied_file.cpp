#include "apps/nova/cli/applied_file.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "apps/nova/cli/object_text.h"
#include "model/kinds.h"
#include "model/text_limits.h"
#include "sys/file.h"

namespace nova::app {

using nlohmann::json;

namespace {

const json* ready_condition(const json& object)
{
    json::json_pointer const place{"/status/conditions"};
    if (!object.contains(place))
        return nullptr;
    for (const auto& condition : object.at(place))
        if (text_at(condition, "/type") == "Ready")
            return &condition;
    return nullptr;
}

struct FileText {
    std::string path;
    std::string directory;
    std::string text;
};

Result<FileText> read_text(const Invocation& invocation)
{
    auto const path = invocation.file.empty() ? std::string{"NovaFile"} : invocation.file;
    auto text = sys::read_file(path, model::most_novafile);
    if (base::failed_with(text, base::Code::not_found))
        return base::Error{base::Code::invalid_argument,
                           path + ": there is no such file; name one with --file, or change into its directory"};
    if (base::failed_with(text, base::Code::resource_exhausted) && text.error().errnum() == 0)
        return base::Error{base::Code::invalid_argument, path + ": is larger than 1 MiB, which no NovaFile is"};
    if (!text.ok())
        return text.error();
    return FileText{path, std::filesystem::absolute(path).parent_path().string(), std::move(text).value()};
}

} // namespace

Result<model::NovaFile> read_novafile(const Invocation& invocation)
{
    auto const [path, directory, text] = TRY(read_text(invocation));
    auto file = TRY(model::parse_novafile(text, path, directory));
    for (auto& object : file.objects)
        object["metadata"]["namespace"] = invocation.space;
    return file;
}

Result<std::string> read_project_name(const Invocation& invocation)
{
    auto const [path, directory, text] = TRY(read_text(invocation));
    return model::parse_project_name(text, path, directory);
}

Result<std::vector<json>> live_objects(client::Client& client, const std::string& space, const std::string& project)
{
    std::vector<json> objects;
    for (const auto* name : {"Image", "Network", "Pod", "VirtualMachine"}) {
        auto list =
            TRY(client.list(name, {.space = space, .labels = std::string{model::project_label} + "=" + project, .fields = ""}));
        std::move(list.items.begin(), list.items.end(), std::back_inserter(objects));
    }
    return objects;
}

namespace {

/// How a NovaFile would declare an image of this reference.
std::string section_for(const std::string& reference)
{
    auto const name = reference.substr(0, reference.find(':'));
    if (model::full_reference(name) == model::full_reference(reference) &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos)
        return "[image." + name + "]";
    return "an [image.*] with reference = \"" + reference + "\"";
}

/// Every capsule's image is declared in the file, or was imported before. Errors: invalid_argument with each that is not.
Status check_images(client::Client& client, const std::string& space, const model::NovaFile& file)
{
    std::set<std::string> known;
    auto const add = [&](const json& image) { known.insert(model::full_reference(text_at(image, "/spec/reference"))); };
    for (const auto& object : file.objects)
        if (text_at(object, "/kind") == "Image")
            add(object);
    auto const there = TRY(client.list("Image", {.space = space, .labels = "", .fields = ""}));
    std::for_each(there.items.begin(), there.items.end(), add);

    std::vector<base::Cause> causes;
    for (const auto& object : file.objects) {
        auto const reference = text_at(object, "/spec/containers/0/image");
        if (text_at(object, "/kind") == "Pod" && !known.contains(model::full_reference(reference)))
            causes.push_back(file.cause("container." + text_at(object, "/metadata/name") + ".capsule",
                                        "there is no image \"" + reference + "\": declare " + section_for(reference) +
                                            " and its source, or import it with 'nova image import FILE " + reference + "'"));
    }
    if (causes.empty())
        return base::done();
    return base::Error::invalid(std::move(causes));
}

} // namespace

Result<std::vector<PlannedChange>> plan_file(client::Client& client, const std::string& space, const model::NovaFile& file)
{
    TRY(check_images(client, space, file));
    auto plan = plan_changes(file.objects, TRY(live_objects(client, space, file.project)));
    for (const auto& change : plan) {
        if (change.effect != Effect::create)
            continue;
        auto const there = client.get(change.key);
        if (base::failed_with(there, base::Code::not_found))
            continue;
        if (!there.ok())
            return there.error();
        auto const owner = text_at(there.value(), "/metadata/labels/nanocloud.io~1project");
        if (owner == file.project)
            continue; // Another `up` of the same file made it meanwhile.
        return base::Error{base::Code::failed_precondition, to_string(change.key) + " is there already and belongs to " +
                                                                (owner.empty() ? "no project" : "project " + owner) +
                                                                ": remove it, choose another name, or another --namespace"};
    }
    return plan;
}

Progress progress_of(const json& object)
{
    auto const phase = text_at(object, "/status/phase");
    bool const current = number_at(object, "/status/observedGeneration") >= number_at(object, "/metadata/generation");
    auto const* ready = ready_condition(object);
    auto const words = ready == nullptr ? std::string{"waits for its controller"} : text_at(*ready, "/message");
    if (!current || phase.empty())
        return {Progress::State::waiting, words};
    auto const kind = text_at(object, "/kind");
    bool const wanted = flag_at(object, "/spec/running", true);
    auto const reason = ready == nullptr ? std::string{} : text_at(*ready, "/reason");
    if (phase == "Failed" || reason == "CrashLoopBackOff" || reason == "PortInUse")
        return {Progress::State::failed, words, reason};
    bool const workload = kind == "Pod" || kind == "VirtualMachine";
    if (workload && !wanted)
        return {phase == "Stopped" ? Progress::State::ready : Progress::State::waiting, words};
    for (const auto* good : {"Active", "Ready", "Running", "Succeeded", "Stopped"})
        if (phase == good)
            return {Progress::State::ready, words};
    return {Progress::State::waiting, words};
}

} // namespace nova::app
