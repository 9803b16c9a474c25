#include "storage/manifest.h"

#include <algorithm>
#include <set>

#include "storage/digest.h"
#include "storage/json_reader.h"
#include "storage/limits.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

constexpr std::string_view our_os = "linux";
constexpr std::string_view our_architecture = "amd64";

Result<Descriptor> parse_descriptor(const json& value, const std::string& path)
{
    auto const fields = TRY(FieldReader::of(value, path));
    Descriptor descriptor;
    descriptor.media_type = TRY(fields.text("mediaType"));
    auto const digest = TRY(fields.text("digest"));
    descriptor.digest = TRY(parse_digest(digest).context(fields.path_of("digest")));
    descriptor.size = TRY(fields.number("size"));
    if (descriptor.size > limits::image_bytes)
        return Error{Code::resource_exhausted, fields.path_of("size") + ": more than " + std::to_string(limits::image_bytes)};
    if (auto const& platform = fields.at("platform"); !platform.is_null()) {
        auto const said = TRY(FieldReader::of(platform, fields.path_of("platform")));
        descriptor.os = TRY(said.text("os"));
        descriptor.architecture = TRY(said.text("architecture"));
        descriptor.variant = TRY(said.text("variant"));
    }
    auto const annotations = TRY(fields.text_map("annotations"));
    if (auto const name = annotations.find("org.opencontainers.image.ref.name"); name != annotations.end())
        descriptor.name = name->second;
    return descriptor;
}

Result<const json*> list_at(const FieldReader& fields, const char* name, std::size_t most)
{
    auto const& list = fields.at(name);
    if (!list.is_array())
        return bad_field(name, "must be a list");
    if (list.size() > most)
        return Error{Code::resource_exhausted, std::string{name} + ": more than " + std::to_string(most) + " entries"};
    return &list;
}

Result<Descriptor> parse_typed(const json& value, const std::string& path, MediaKind kind)
{
    auto descriptor = TRY(parse_descriptor(value, path));
    if (media_kind(descriptor.media_type) != kind)
        return bad_field(path + ".mediaType", "is of no known kind: " + in_quotes(descriptor.media_type));
    return descriptor;
}

Status must_be_of_kind(const FieldReader& fields, MediaKind kind)
{
    auto const said = TRY(fields.text("mediaType"));
    if (!said.empty() && media_kind(said) != kind)
        return bad_field("mediaType", "is of no known kind: " + in_quotes(said));
    return base::done();
}

} // namespace

MediaKind media_kind(std::string_view type)
{
    if (type == "application/vnd.oci.image.index.v1+json" || type == "application/vnd.docker.distribution.manifest.list.v2+json")
        return MediaKind::index;
    if (type == "application/vnd.oci.image.manifest.v1+json" || type == "application/vnd.docker.distribution.manifest.v2+json")
        return MediaKind::manifest;
    if (type == "application/vnd.oci.image.config.v1+json" || type == "application/vnd.docker.container.image.v1+json")
        return MediaKind::config;
    static const std::set<std::string_view> layer_types{
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    };
    return layer_types.contains(type) ? MediaKind::layer : MediaKind::unknown;
}

Result<std::vector<Descriptor>> parse_index(std::string_view text)
{
    auto const value = TRY(parse_foreign_json(text));
    auto const fields = TRY(FieldReader::of(value, ""));
    TRY(must_be_of_kind(fields, MediaKind::index));
    auto const* list = TRY(list_at(fields, "manifests", limits::manifests));
    std::vector<Descriptor> descriptors;
    for (std::size_t i = 0; i < list->size(); ++i)
        descriptors.push_back(TRY(parse_descriptor((*list)[i], "manifests[" + std::to_string(i) + "]")));
    return descriptors;
}

Result<Manifest> parse_manifest(std::string_view text)
{
    auto const value = TRY(parse_foreign_json(text));
    auto const fields = TRY(FieldReader::of(value, ""));
    TRY(must_be_of_kind(fields, MediaKind::manifest));
    Manifest manifest;
    manifest.config = TRY(parse_typed(fields.at("config"), "config", MediaKind::config));
    auto const* list = TRY(list_at(fields, "layers", limits::layers));
    for (std::size_t i = 0; i < list->size(); ++i)
        manifest.layers.push_back(TRY(parse_typed((*list)[i], "layers[" + std::to_string(i) + "]", MediaKind::layer)));
    return manifest;
}

namespace {

Result<ImageConfig> parse_config(const json& value)
{
    ImageConfig config;
    if (value.is_null())
        return config;
    auto const fields = TRY(FieldReader::of(value, "config"));
    config.entrypoint = TRY(fields.texts("Entrypoint"));
    config.command = TRY(fields.texts("Cmd"));
    config.env = TRY(fields.texts("Env"));
    config.working_dir = TRY(fields.text("WorkingDir"));
    config.user = TRY(fields.text("User"));
    config.stop_signal = TRY(fields.text("StopSignal"));
    config.labels = TRY(fields.text_map("Labels"));
    return config;
}

Result<std::vector<std::string>> parse_diff_ids(const json& value)
{
    auto const fields = TRY(FieldReader::of(value, "rootfs"));
    if (TRY(fields.text("type")) != "layers")
        return bad_field("rootfs.type", "must be \"layers\"");
    std::vector<std::string> diff_ids;
    for (const auto& text : TRY(fields.texts("diff_ids")))
        diff_ids.push_back(TRY(parse_digest(text).context("rootfs.diff_ids")));
    if (diff_ids.size() > limits::layers)
        return Error{Code::resource_exhausted, "rootfs.diff_ids: more than " + std::to_string(limits::layers) + " layers"};
    return diff_ids;
}

} // namespace

Result<ImageRecord> parse_image_record(std::string_view text)
{
    auto const value = TRY(parse_foreign_json(text));
    auto const fields = TRY(FieldReader::of(value, ""));
    ImageRecord record;
    record.os = TRY(fields.text("os"));
    record.architecture = TRY(fields.text("architecture"));
    record.diff_ids = TRY(parse_diff_ids(fields.at("rootfs")));
    record.config = TRY(parse_config(fields.at("config")));
    return record;
}

Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text)
{
    auto const value = TRY(parse_foreign_json(text));
    if (!value.is_array() || value.size() > limits::manifests)
        return bad_field("", "must be a list of at most " + std::to_string(limits::manifests) + " images");
    std::vector<DockerImage> images;
    for (std::size_t i = 0; i < value.size(); ++i) {
        auto const path = "[" + std::to_string(i) + "]";
        auto const fields = TRY(FieldReader::of(value[i], path));
        auto config = TRY(fields.text("Config"));
        auto tags = TRY(fields.texts("RepoTags"));
        auto layers = TRY(fields.texts("Layers"));
        DockerImage image{std::move(config), std::move(tags), std::move(layers)};
        if (image.config.empty())
            return bad_field(fields.path_of("Config"), "is missing");
        if (image.layers.size() > limits::layers)
            return Error{Code::resource_exhausted, fields.path_of("Layers") + ": more than " + std::to_string(limits::layers)};
        images.push_back(std::move(image));
    }
    return images;
}

namespace {

/// "docker.io/library/web:v1" and "web:v1" are one name; so is "v1", which umoci and skopeo write into an OCI layout.
bool is_name_of(std::string_view name, std::string_view reference)
{
    for (std::string_view const prefix : {"docker.io/", "library/"})
        if (name.starts_with(prefix))
            name.remove_prefix(prefix.size());
    for (std::string_view const prefix : {"docker.io/", "library/"})
        if (reference.starts_with(prefix))
            reference.remove_prefix(prefix.size());
    return name == reference || name == reference.substr(reference.rfind(':') + 1);
}

bool is_for_us(const Descriptor& descriptor)
{
    return descriptor.os.empty() || (descriptor.os == our_os && descriptor.architecture == our_architecture);
}

std::string listed(const std::set<std::string>& names)
{
    constexpr int most = 8;
    std::string text;
    int count = 0;
    for (const auto& name : names) {
        if (count++ == most)
            return text + ", …";
        text += (text.empty() ? "" : ", ") + in_quotes(name);
    }
    return text;
}

} // namespace

Result<Descriptor> choose(const std::vector<Descriptor>& descriptors, const std::string& reference)
{
    std::vector<Descriptor> named, fitting;
    std::copy_if(descriptors.begin(), descriptors.end(), std::back_inserter(named),
                 [&](const Descriptor& one) { return is_name_of(one.name, reference); });
    const auto& among = named.empty() ? descriptors : named;
    std::copy_if(among.begin(), among.end(), std::back_inserter(fitting), is_for_us);
    if (fitting.empty())
        return Error{Code::invalid_argument, "the archive holds no image for linux/amd64"};

    std::set<std::string> names;
    for (const auto& one : fitting)
        names.insert(one.name);
    if (names.size() > 1)
        return Error{Code::invalid_argument,
                     "the archive holds several images, and none is named " + reference + ": " + listed(names)};
    // Those that say their platform come first: one that does not may be an attestation.
    auto const said = std::find_if(fitting.begin(), fitting.end(), [](const Descriptor& one) { return !one.os.empty(); });
    return said == fitting.end() ? fitting.front() : *said;
}

Result<DockerImage> choose(const std::vector<DockerImage>& images, const std::string& reference)
{
    if (images.empty())
        return Error{Code::invalid_argument, "the archive holds no image"};
    std::set<std::string> names;
    for (const auto& image : images) {
        for (const auto& tag : image.tags) {
            if (tag == reference || is_name_of(tag, reference))
                return image;
            names.insert(tag);
        }
    }
    if (images.size() == 1)
        return images.front();
    return Error{Code::invalid_argument,
                 "the archive holds several images, and none is named " + reference + ": " + listed(names)};
}

std::string write_manifest(const Manifest& manifest)
{
    auto const written = [](const Descriptor& one) {
        return json{{"mediaType", one.media_type}, {"digest", "sha256:" + one.digest}, {"size", one.size}};
    };
    json layers = json::array();
    for (const auto& layer : manifest.layers)
        layers.push_back(written(layer));
    return json{{"schemaVersion", 2},
                {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                {"config", written(manifest.config)},
                {"layers", layers}}
        .dump();
}

} // namespace nova::storage
