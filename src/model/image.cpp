#include <algorithm>

#include "base/strings.h"
#include "model/description.h"
#include "model/kinds.h"

namespace nova::model {
namespace {

Rule reference_rule()
{
    return string_rule("an image reference (web:latest, registry.example/lib/web:1.0)", [](const std::string& text) {
        return text.size() <= 255 && std::string_view{":/.-@"}.find(text.front()) == std::string_view::npos &&
               text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@") ==
                   std::string::npos;
    });
}

/// A name for what no object may be called in full: a part too long, or one that begins or ends with a dash. Its beginning, and
/// digits that tell it from others.
std::string shortened(std::string name, const std::string& reference)
{
    constexpr std::size_t most_kept = 46; // With a dash and 16 digits, a label of 63 characters.
    std::replace(name.begin(), name.end(), '.', '-');
    auto const first = std::min(name.find_first_not_of('-'), name.size());
    auto const kept = name.substr(first, most_kept);
    return (kept.empty() ? "image" : kept) + "-" + base::to_hex(base::stable_hash(reference), 16);
}

} // namespace

std::string full_reference(const std::string& reference)
{
    auto const slash = reference.rfind('/');
    auto const name = slash == std::string::npos ? reference : reference.substr(slash + 1);
    return name.find_first_of(":@") == std::string::npos ? reference + ":latest" : reference;
}

std::string image_object_name(const std::string& reference)
{
    auto const full = full_reference(reference);
    std::string name;
    for (char character : full) {
        if (character >= 'A' && character <= 'Z')
            character = static_cast<char>(character + ('a' - 'A'));
        auto const fits = (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') || character == '.';
        name += fits ? character : '-';
    }
    return base::is_dns_subdomain(name) ? name : shortened(name, full);
}

const Description& describe(const ImageSpec*)
{
    static auto const description = describe_as<ImageSpec>({
        field("reference", &ImageSpec::reference, "The name by which capsules ask for it.")
            .required()
            .must_be(reference_rule())
            .column("REFERENCE"),
        field("source", &ImageSpec::source, "An OCI layout directory, an OCI archive or a docker archive.")
            .required()
            .must_be(absolute_path())
            .column("SOURCE", 1),
    });
    return description;
}

const Description& describe(const ImageStatus*)
{
    static auto const description = describe_as<ImageStatus>({
        field("phase", &ImageStatus::phase, "Pending, Importing, Ready, Failed or Terminating.").column("STATUS"),
        field("digest", &ImageStatus::digest, "Of the manifest.").column("DIGEST", 1),
        field("sizeBytes", &ImageStatus::size_bytes, "Of all layers, as they are stored.").in("bytes").column("SIZE"),
        field("conditions", &ImageStatus::conditions, "What is going on, in words."),
        field("observedGeneration", &ImageStatus::observed_generation, "The generation that this status is about."),
        field("attempt", &ImageStatus::attempt, "The value of annotation nanocloud.io/restart at the last import."),
    });
    return description;
}

const Description& describe(const Image*)
{
    static auto const description = describe_as<Image>({
        field("metadata", &Image::meta, "Name, labels and history.").required(),
        field("spec", &Image::spec, "What it shall be.").required(),
        field("status", &Image::status, "What it is."),
    });
    return description;
}

const KindDescription& describe_kind(const Image* image)
{
    static KindDescription const kind{{"nanocloud.io",
                                       "v1",
                                       "Image",
                                       "images",
                                       "image",
                                       {"img"},
                                       true,
                                       "A capsule's file system and defaults, imported into the content store.",
                                       {}},
                                      &describe(image)};
    return kind;
}

} // namespace nova::model
