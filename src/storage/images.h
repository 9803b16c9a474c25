#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace nova::storage {

using base::Result;
using base::Status;

/// What an image says about how it wants to be run (OCI image spec, config).
struct ImageConfig {
    std::vector<std::string> entrypoint;
    std::vector<std::string> command;
    std::vector<std::string> env; ///< "K=V"
    std::string working_dir;
    std::string user; ///< "", "1000", "nobody", "1000:1000"
    std::string stop_signal;
    std::map<std::string, std::string> labels;
};

struct StoredImage {
    std::string reference; ///< "web:latest"
    std::string digest;    ///< Of the manifest, "sha256:<64 hex>".
    std::uint64_t size_bytes = 0;
    std::vector<std::string> layers; ///< Diff ids, lowest first: the names of unpacked layers.
    ImageConfig config;
};

/// Images in a content-addressed store: blobs/sha256/<hex>, layers/<hex>/ (unpacked once, shared), references as small files.
/// Every digest is verified while it is read; nothing of a failed import stays. Safe from any thread.
class ImageStore {
public:
    /// Opens or makes the store, and removes what an interrupted import left.
    static Result<ImageStore> open(const std::string& directory);

    /// Reads an OCI layout directory, a tar of one, or a docker-archive tar (gzip and zstd layers too).
    /// Importing the same content again costs one read. Hostile input (paths out of the root, hard links, device nodes, bombs,
    /// digests that do not match) is refused with invalid_argument that names the entry; limits in limits.h.
    /// Errors: not_found - no such file; invalid_argument; resource_exhausted.
    Result<StoredImage> import(const std::string& source, const std::string& reference);

    Result<StoredImage> get(const std::string& reference) const; ///< Errors: not_found.
    Result<std::vector<StoredImage>> list() const;

    /// Drops the reference, then every blob and layer that no other reference needs. Accepts absence.
    Status remove(const std::string& reference);

    /// The directories to stack, lowest first. They exist as long as the reference does.
    std::vector<std::string> layer_directories(const StoredImage& image) const;

private:
    explicit ImageStore(std::string directory) : directory_(std::move(directory)) {}
    std::string directory_;
};

} // namespace nova::storage
