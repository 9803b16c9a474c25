#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace nova::storage {

using base::Result;
using base::Status;

struct Measured {
    std::string digest; ///< Hex.
    std::uint64_t size = 0;
};

using Told = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

/// Where an image is imported from: files by name. Swapped: a directory, or an archive that was taken apart into `scratch`.
class Source {
public:
    virtual ~Source() = default;

    virtual bool has(const std::string& name) const = 0;

    /// A small document. Errors: not_found; resource_exhausted - above limits::json_bytes.
    virtual Result<std::string> read(const std::string& name) const = 0;

    /// Puts the file at `target`, which is not there yet, and says what it was on the way.
    virtual Result<Measured> put(const std::string& name, const std::string& target) const = 0;
};

/// Errors: not_found - there is no such path; invalid_argument - neither a directory nor a tar, or a damaged or hostile one.
Result<std::unique_ptr<Source>> open_source(const std::string& path, const std::string& scratch, const Told& told);

} // namespace nova::storage
