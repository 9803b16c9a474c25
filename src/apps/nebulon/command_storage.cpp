// volume and image.
#include <algorithm>
#include <array>
#include <cstdio>

#include "apps/nebulon/commands.h"
#include "base/bytes.h"
#include "base/strings.h"
#include "runtime/arguments.h"
#include "storage/images.h"
#include "storage/volumes.h"

namespace nova::nebulon {

using base::Code;
using base::Error;
using runtime::Arguments;
using runtime::Option;
using runtime::OptionOrder;

namespace {

constexpr std::array volume_options{Option{"driver", 'd'}};

Error in_use(const std::string& what, const std::vector<std::string>& users)
{
    return Error{Code::failed_precondition, what + " is used by " + base::join(users, ", ") + ": 'nb rm' removes a container"};
}

Status need(const Arguments& arguments, std::size_t count, const std::string& usage)
{
    if (arguments.rest().size() != count)
        return Error{Code::invalid_argument, "usage: nb " + usage};
    return base::done();
}

bool holds(const std::vector<std::string>& names, const std::string& name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

Result<int> create_volume(const Context& context, const Arguments& arguments)
{
    TRY(need(arguments, 1, "volume create NAME [--driver local]"));
    if (auto const driver = arguments.get("driver", "local"); driver != "local")
        return Error{Code::invalid_argument, "--driver: there is only local, not \"" + driver.substr(0, 80) + "\""};
    auto const& name = arguments.rest().front();
    auto const held = TRY(context.store.lock());
    auto volumes = TRY(storage::Volumes::open(context.store.places().volumes()));
    if (holds(TRY(volumes.list(volume_space)), name))
        return Error{Code::already_exists, "volume " + name + " is there already"};
    TRY(volumes.ensure(volume_space, name));
    std::printf("%s\n", name.c_str());
    return 0;
}

Result<int> list_volumes(const Context& context, const Arguments& arguments)
{
    TRY(need(arguments, 0, "volume ls"));
    auto const volumes = TRY(storage::Volumes::open(context.store.places().volumes()));
    std::printf("%-8s %s\n", "DRIVER", "NAME");
    for (const auto& name : TRY(volumes.list(volume_space)))
        std::printf("%-8s %s\n", "local", name.c_str());
    return 0;
}

Result<int> remove_volume(const Context& context, const Arguments& arguments)
{
    TRY(need(arguments, 1, "volume rm NAME"));
    auto const& name = arguments.rest().front();
    auto const held = TRY(context.store.lock());
    auto volumes = TRY(storage::Volumes::open(context.store.places().volumes()));
    if (!holds(TRY(volumes.list(volume_space)), name))
        return Error{Code::not_found, "there is no volume \"" + name.substr(0, 80) + "\""};
    if (auto const users = TRY(context.store.users_of_volume(name)); !users.empty())
        return in_use("volume " + name, users);
    TRY(volumes.remove(volume_space, name));
    return 0;
}

/// "myapp", "latest" -> "myapp:latest"
Result<std::string> reference_of(const std::string& name, const std::string& tag)
{
    if (tag.empty() || tag.find_first_of(":/@") != std::string::npos)
        return Error{Code::invalid_argument, "\"" + tag.substr(0, 80) + "\" is no tag"};
    auto reference = TRY(storage::full_reference(name + ":" + tag));
    if (reference.front() == '.' || reference.front() == '/')
        return Error{Code::invalid_argument, "\"" + name.substr(0, 80) + "\" is no name of an image"};
    return reference;
}

Result<int> import_image(const Context& context, const Arguments& arguments)
{
    TRY(need(arguments, 3, "image import TAR NAME TAG"));
    auto const reference = TRY(reference_of(arguments.rest()[1], arguments.rest()[2]));
    auto images = TRY(storage::ImageStore::open(context.store.places().images()));
    {
        auto const held = TRY(context.store.lock());
        if (auto const users = TRY(context.store.users_of_image(reference)); !users.empty())
            return in_use("image " + reference, users); // They stand on the layers it has now.
    }
    auto const image = TRY(images.import(arguments.rest()[0], reference));
    std::printf("%s %s\n", image.reference.c_str(), image.digest.c_str());
    return 0;
}

Result<int> list_images(const Context& context, const Arguments& arguments)
{
    TRY(need(arguments, 0, "image ls"));
    auto const images = TRY(storage::ImageStore::open(context.store.places().images()));
    std::printf("%-30s %-15s %-20s %s\n", "NAME", "TAG", "DIGEST", "BYTES");
    for (const auto& image : TRY(images.list())) {
        auto const colon = image.reference.rfind(':');
        std::printf("%-30s %-15s %-20s %llu\n", image.reference.substr(0, colon).c_str(),
                    image.reference.substr(colon + 1).c_str(), image.digest.substr(0, 19).c_str(),
                    static_cast<unsigned long long>(image.size_bytes));
    }
    return 0;
}

Result<int> remove_image(const Context& context, const Arguments& arguments)
{
    TRY(need(arguments, 2, "image rm NAME TAG"));
    auto const reference = TRY(reference_of(arguments.rest()[0], arguments.rest()[1]));
    auto const held = TRY(context.store.lock());
    auto images = TRY(storage::ImageStore::open(context.store.places().images()));
    TRY(images.get(reference));
    if (auto const users = TRY(context.store.users_of_image(reference)); !users.empty())
        return in_use("image " + reference, users);
    TRY(images.remove(reference));
    return 0;
}

struct Verb {
    std::string_view name;
    Result<int> (*run)(const Context&, const Arguments&);
};

template <std::size_t count>
Result<int> run_verb(const Context& context, Words words, const std::array<Verb, count>& verbs)
{
    std::string names;
    for (const auto& verb : verbs) {
        if (!words.empty() && words.front() == verb.name)
            return verb.run(context, TRY(Arguments::parse(words.subspan(1), volume_options, OptionOrder::anywhere)))
                .context(verb.name);
        names += (names.empty() ? "" : ", ") + std::string{verb.name};
    }
    return Error{Code::invalid_argument, "needs one of " + names};
}

} // namespace

Result<int> volume_command(const Context& context, Words words)
{
    constexpr std::array verbs{Verb{"create", create_volume}, Verb{"ls", list_volumes}, Verb{"rm", remove_volume}};
    return run_verb(context, words, verbs);
}

Result<int> image_command(const Context& context, Words words)
{
    constexpr std::array verbs{Verb{"import", import_image}, Verb{"ls", list_images}, Verb{"rm", remove_image}};
    return run_verb(context, words, verbs);
}

} // namespace nova::nebulon
