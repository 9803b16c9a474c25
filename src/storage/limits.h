#pragma once

#include <cstddef>
#include <cstdint>

/// What we take from an image that a stranger made. Real images stay far below; what is above is refused by name.
namespace nova::storage::limits {

constexpr std::size_t json_bytes = 4u << 20;  ///< Of one manifest, index or config; as registries have it.
constexpr int json_depth = 32;                ///< Nested arrays and objects.
constexpr std::size_t manifests = 1000;       ///< In one index.
constexpr int index_depth = 4;                ///< Indexes in indexes.
constexpr std::size_t layers = 256;           ///< overlayfs takes 500; docker makes 127.
constexpr std::size_t config_strings = 10000; ///< In one list of the config, environment for example.
constexpr std::size_t reference_bytes = 200;

constexpr std::size_t archive_files = 10000;            ///< In the outer archive: a few for each layer.
constexpr std::uint64_t image_bytes = 64ull << 30;      ///< All blobs as they lie in the archive.
constexpr std::size_t layer_entries = 1000000;          ///< Files in one layer.
constexpr std::uint64_t layer_bytes = 64ull << 30;      ///< One layer, unpacked.
constexpr std::uint64_t expansion = 250;                ///< Unpacked to packed; text is some 10, gzip can do 1032, zstd any.
constexpr std::uint64_t expansion_free = 256ull << 20;  ///< That much may come out of anything.
constexpr std::size_t path_bytes = 4095;                ///< PATH_MAX without the NUL; link targets too.
constexpr std::size_t name_bytes = 255;                 ///< NAME_MAX
constexpr std::size_t path_depth = 200;                 ///< Components.
constexpr std::size_t directory_path_bytes = 64u << 20; ///< Of all directories of a layer together, kept until the end.
constexpr std::size_t xattrs = 64;                      ///< Of one file.
constexpr std::size_t xattr_bytes = 65536;              ///< XATTR_SIZE_MAX

constexpr std::size_t account_file_bytes = 1u << 20; ///< /etc/passwd and /etc/group of a root.
constexpr std::size_t account_groups = 256;          ///< That one user is in.

} // namespace nova::storage::limits
