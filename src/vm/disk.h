#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace nova::vm {

using base::Result;
using base::Status;

enum class DiskFormat { raw, qcow2 };
std::string_view to_string(DiskFormat format); ///< As QEMU calls it.

/// What an image's own header says. Nothing was opened but the image itself.
struct DiskImage {
    DiskFormat format = DiskFormat::raw;
    base::Bytes size;    ///< As the guest sees it.
    std::string backing; ///< The image below it, as written in the header. Empty: none.
};

/// Reads the header of a base image. Never asks QEMU to guess: a raw image that begins like a qcow2 would make it open files of
/// the host. Raw is believed only of a file named *.raw or *.img.
/// Errors: not_found; invalid_argument - no regular file, another format, damaged, encrypted, or it refers to other files.
Result<DiskImage> probe_base_image(const std::string& path);

/// Reads the header of a machine's own disk, which may refer to a base image. Errors: as above, but for a backing file.
Result<DiskImage> probe_overlay(const std::string& path);

/// A new, empty qcow2 (version 3) on top of a base image, complete on the disk or not there at all: a crash leaves at most a
/// temporary file beside it. Size 0: that of the base. Takes 4 small writes and one fsync, no process.
/// Errors: already_exists; invalid_argument - smaller than the base; resource_exhausted.
Status create_overlay(const std::string& path, const std::string& base_path, const DiskImage& base_image, base::Bytes size);

} // namespace nova::vm
