#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace nova::storage {

using base::Result;
using base::Status;

/// Unpacks one layer (tar, plain or under gzip or zstd) into `root`, an empty directory, as overlayfs wants it: OCI whiteouts
/// become character devices 0:0 and opaque directories. Nothing outside of `root` is touched whatever the tar says.
/// Returns the diff id: hex of the SHA-256 of the plain tar.
/// Errors: invalid_argument, resource_exhausted - name the entry. Leaves what it made; the caller throws `root` away.
Result<std::string> unpack_layer(const std::string& blob, const std::string& root,
                                 std::function<void(std::uint64_t done_bytes)> told = {});

} // namespace nova::storage
