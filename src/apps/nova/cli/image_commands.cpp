#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>

#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/in_use.h"
#include "apps/nova/cli/object_text.h"
#include "apps/nova/cli/print.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/cli/progress.h"
#include "apps/nova/cli/waiting.h"
#include "model/kinds.h"
#include "sys/file.h"

namespace nova::app {
namespace {

using nlohmann::json;

const model::KindInfo& image_kind() { return *model::find_kind("Image"); }

Result<int> list(const Invocation& invocation)
{
    auto client = TRY(connect_daemon(invocation));
    std::cout << print_objects(image_kind(),
                               TRY(client.list("Image", {.space = invocation.space, .labels = "", .fields = ""})).items,
                               invocation.output());
    return exit_ok;
}

/// "images/web.tar" -> "web": the name where none is given.
std::string name_from(const std::string& file) { return std::filesystem::path{file}.filename().stem().string(); }

Result<int> import_image(const Invocation& invocation, const std::string& file, const std::string& given)
{
    if (!sys::exists(file))
        return base::Error{base::Code::invalid_argument,
                           file + ": there is no such file; give an OCI layout, an OCI archive or a docker archive"};
    auto const reference = model::full_reference(given.empty() ? name_from(file) : given);
    auto const name = model::image_object_name(reference);
    auto client = TRY(connect_daemon(invocation));
    json const object{
        {"apiVersion", image_kind().api_version()},
        {"kind", "Image"},
        {"metadata", {{"name", name}, {"namespace", invocation.space}}},
        {"spec", {{"reference", reference}, {"source", std::filesystem::absolute(file).lexically_normal().string()}}}};
    TRY(client.create(object));
    auto const decided = [](const json& image) { return progress_of(image).state != Progress::State::waiting; };
    json image;
    {
        ProgressLine line{invocation.quiet};
        line.show("importing " + reference);
        image =
            TRY(wait_until(client, {"Image", invocation.space, name}, decided, base::Deadline::after(std::chrono::minutes{30})));
    }
    if (progress_of(image).state == Progress::State::failed) {
        (void)client.remove({"Image", invocation.space, name});
        return base::Error{base::Code::invalid_argument, progress_of(image).words};
    }
    std::cout << reference << " " << text_at(image, "/status/digest") << "\n";
    return exit_ok;
}

Result<int> remove(const Invocation& invocation, const std::string& reference)
{
    auto client = TRY(connect_daemon(invocation));
    auto const name = model::image_object_name(model::full_reference(reference));
    TRY(check_unused(client, invocation, {model::find_kind("Image"), name}));
    TRY(client.remove({"Image", invocation.space, name}));
    auto const gone = wait_until_gone(client, {"Image", invocation.space, name}, base::Deadline::after(std::chrono::seconds{10}));
    if (!gone.ok())
        return gone.error();
    std::cout << reference << " removed\n";
    return exit_ok;
}

} // namespace

void add_image_commands(CLI::App& app, Invocation& invocation)
{
    auto* image = app.add_subcommand("image", "Images: import, ls, rm");
    image->require_subcommand(1);
    image->footer("Example:\n  nova image ls");
    auto* ls = image->add_subcommand("ls", "List images")->alias("list");
    ls->footer("Examples:\n  nova image ls\n  nova image ls --output json");
    ls->callback([&invocation] { invocation.action = [&invocation] { return list(invocation); }; });

    auto const words = std::make_shared<std::pair<std::string, std::string>>();
    auto* bring = image->add_subcommand("import", "Bring in an OCI layout, an OCI archive or a docker archive");
    bring->add_option("file", words->first, "Directory or tar file")->required();
    bring->add_option("reference", words->second, "NAME[:TAG]; default: the file's name");
    bring->footer("Example:\n  nova image import images/web.tar web:1.0");
    bring->callback([&invocation, words] {
        invocation.action = [&invocation, words] { return import_image(invocation, words->first, words->second); };
    });

    auto* gone = image->add_subcommand("rm", "Remove an image that nothing uses");
    gone->add_option("reference", words->first, "NAME[:TAG]")->required();
    gone->footer("Example:\n  nova image rm web:1.0");
    gone->callback(
        [&invocation, words] { invocation.action = [&invocation, words] { return remove(invocation, words->first); }; });
}

} // namespace nova::app
