#pragma once

#include <cstdint>
#include <functional>
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
    std::vector<std::string> layers; ///< Diff ids ("sha256:<64 hex>"), lowest first: the names of unpacked layers.
    ImageConfig config;
};

/// How far an import is.
struct ImportProgress {
    std::string step; ///< "read", "unpack layer 2 of 3"
    std::uint64_t done_bytes = 0;
    std::uint64_t total_bytes = 0; ///< Of this step.
};
using ImportReport = std::function<void(const ImportProgress&)>; ///< Called on the importing thread, every 128 KiB or so.

/// Tells which layers (diff ids, as in StoredImage::layers) capsules still stand on, whatever references say. It is asked when no
/// import can come between its answer and what follows from it.
using LayersInUse = std::function<Result<std::vector<std::string>>()>;

/// Images in a content-addressed store: blobs/sha256/<hex>, layers/<hex>/ (unpacked once, shared), references as small files.
/// Every digest is verified while it is read; nothing of a failed import stays, and a kill at any instant loses no finished one.
/// Safe from any thread and process. remove() waits for imports that are under way.
class ImageStore {
public:
    /// Opens or makes the store; finishes an import that was interrupted in its last step, removes what others left.
    static Result<ImageStore> open(const std::string& directory);

    /// Reads an OCI layout directory, a tar of one, or a docker-archive tar (gzip and zstd layers too). Of an index with several
    /// platforms it takes linux/amd64; of several images the one that is named like the reference.
    /// A layer that is there already is not unpacked again.
    /// Hostile input (paths out of the root, hard links, device nodes, bombs, digests that do not match) is refused with
    /// invalid_argument that names the entry; limits in limits.h.
    /// Errors: not_found - no such file; invalid_argument; resource_exhausted.
    Result<StoredImage> import(const std::string& source, const std::string& reference, const ImportReport& report = {});

    Result<StoredImage> get(const std::string& reference) const; ///< Errors: not_found; data_loss - damaged on disk.
    Result<std::vector<StoredImage>> list() const;               ///< Leaves out (and logs) those that are damaged.

    /// Drops the reference, then every blob and layer that no other reference needs and no capsule (none given: none does).
    /// Accepts absence.
    Status remove(const std::string& reference, const LayersInUse& layers_in_use = {});

    /// Removes every blob and layer that no reference and no capsule needs: after capsules of removed images have gone, and after
    /// an import that replaced a reference. Does not wait. Errors: unavailable - an import is under way.
    Status collect_garbage(const LayersInUse& layers_in_use);

    /// The directories to stack, lowest first. They exist as long as the reference does.
    std::vector<std::string> layer_directories(const StoredImage& image) const;

private:
    explicit ImageStore(std::string directory) : directory_(std::move(directory)) {}
    std::string directory_;
};

/// "web" -> "web:latest". What names a stored image: letters, digits and "._-/:", at most 200 bytes.
/// Errors: invalid_argument.
Result<std::string> full_reference(const std::string& reference);

} // namespace nova::storage
