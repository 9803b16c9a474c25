#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace nova::sys {

using base::Result;
using base::Status;

struct OverlayLayers {
    std::vector<std::string> lower; ///< Read-only directories, highest first; at least one.
    std::string upper;              ///< Takes what is written.
    std::string work;               ///< Empty directory on the file system of `upper`.
};

/// A mount we made and must take down again.
///
/// The destructor is the safety net of error paths: it detaches and cannot report. On the good path call unmount(), whose failure
/// you can see, or keep(), when the mount shall outlive us (a running capsule's rootfs).
class Mount {
public:
    /// Private propagation. Paths of any length and with any character: the kernel gets descriptors, not text.
    /// Errors: resource_exhausted - more layers than the kernel takes; as mount(2).
    static Result<Mount> overlay(const std::string& target, const OverlayLayers& layers);
    static Result<Mount> bind(const std::string& source, const std::string& target);
    static Result<Mount> tmpfs(const std::string& target, std::uint64_t size_bytes);

    Mount(Mount&& other) noexcept : target_(std::exchange(other.target_, {})) {}
    Mount& operator=(Mount&&) = delete;
    ~Mount();

    Status unmount() &&;
    void keep() && { target_.clear(); }
    const std::string& target() const { return target_; }

private:
    explicit Mount(std::string target) : target_(std::move(target)) {}
    static Result<Mount> made_private(const std::string& target);
    std::string target_;
};

/// True where `path` is the root of a mount. Errors: as statx(2), but absence is false.
Result<bool> is_mounted(const std::string& path);

/// Takes down everything that is stacked on `path`; detaches what is still in use. Accepts absence.
Status ensure_unmounted(const std::string& path);

} // namespace nova::sys
