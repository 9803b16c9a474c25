#pragma once

#include <string>
#include <vector>

#include "storage/images.h"
#include "storage/manifest.h"

namespace nova::storage {

/// Where things lie in a store, and the steps from one whole state to the next.
///
/// An import gathers everything in staging/<id>/ (blobs/, layers/, scratch/), makes it durable, and then writes
/// staging/<id>/reference: from that instant it counts, and finish() can be repeated until it is done. Before it, staging/<id>
/// is left-overs.
class StoreFiles {
public:
    explicit StoreFiles(std::string root) : root_(std::move(root)) {}

    Status make() const;

    std::string lock() const { return root_ + "/lock"; }
    std::string blobs() const { return root_ + "/blobs/sha256"; }
    std::string layers() const { return root_ + "/layers"; }
    std::string references() const { return root_ + "/references"; }
    std::string staging() const { return root_ + "/staging"; }
    std::string blob(const std::string& hex) const { return blobs() + "/" + hex; }
    std::string layer(const std::string& hex) const { return layers() + "/" + hex; }
    std::string reference(const std::string& name) const;

    Result<std::vector<std::string>> list_references() const;
    Result<std::string> digest_of(const std::string& reference) const; ///< Hex. Errors: not_found; data_loss.
    Result<Manifest> manifest(const std::string& hex) const;
    Result<StoredImage> load(const std::string& reference) const;

    /// Makes a staged import count. `staged` is staging/<id>.
    Status seal(const std::string& staged, const std::string& reference, const std::string& manifest_hex) const;
    /// Moves a sealed import into place.
    Status finish(const std::string& staged) const;
    /// Finishes what is sealed, removes the rest. Needs the lock alone.
    Status recover() const;

    /// Needs the lock alone.
    Status sweep(const std::vector<std::string>& layers_in_use) const;

private:
    struct Needs {
        std::vector<std::string> blobs, layers; ///< Hex.
    };
    Result<Needs> needs_of(const std::string& reference) const;
    Result<std::string> read_blob(const std::string& hex) const;
    Status remove_others(const std::string& directory, const std::vector<std::string>& needed) const;

    std::string root_;
};

} // namespace nova::storage
