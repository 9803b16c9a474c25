#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/images.h"

/// The JSON documents of an image, as strangers write them: OCI image-spec 1.1 and docker's image-spec 1.2 and schema 2.
/// All functions: invalid_argument names the field; resource_exhausted - above a limit (limits.h).
namespace nova::storage {

struct Descriptor {
    std::string media_type; ///< May be empty in an index.
    std::string digest;     ///< Hex.
    std::uint64_t size = 0;
    std::string os, architecture, variant; ///< Empty where not said.
    std::string name;                      ///< Annotation org.opencontainers.image.ref.name.
};

enum class MediaKind { index, manifest, config, layer, unknown };
MediaKind media_kind(std::string_view media_type);

struct Manifest {
    Descriptor config;
    std::vector<Descriptor> layers; ///< Lowest first.
};

struct ImageRecord {
    std::string os, architecture;
    std::vector<std::string> diff_ids; ///< Hex, lowest first.
    ImageConfig config;
};

/// One image of a docker archive's manifest.json.
struct DockerImage {
    std::string config;
    std::vector<std::string> tags;
    std::vector<std::string> layers; ///< Names in the archive, lowest first.
};

Result<std::vector<Descriptor>> parse_index(std::string_view text);
Result<Manifest> parse_manifest(std::string_view text);
Result<ImageRecord> parse_image_record(std::string_view text);
Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text);

/// The one to use on linux/amd64. Among several images, the one whose name is `reference` or its tag.
/// Errors: invalid_argument - none fits, or several do and no name says which.
Result<Descriptor> choose(const std::vector<Descriptor>& descriptors, const std::string& reference);
Result<DockerImage> choose(const std::vector<DockerImage>& images, const std::string& reference);

/// An OCI manifest over what a docker archive holds. The same input gives the same bytes.
std::string write_manifest(const Manifest& manifest);

} // namespace nova::storage
