#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/process_spec.h"
#include "sys/unique_fd.h"

namespace nova::supervisor {

using base::Result;
using base::Status;

/// A log file that grows at its end and is rotated: path, path.1 (newest) to path.N.
class LogWriter {
public:
    /// Which file, and how much of it is ours: what a successor needs to go on.
    struct Place {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::uint64_t size = 0;
        bool operator==(const Place&) const = default;
    };

    /// Opens it for appending, never through a link. Where it still is the file of `last`, what stands behind last.size was
    /// never committed and is cut off.
    static Result<LogWriter> open(const model::LogSpec& spec, const Place& last);

    const Place& place() const { return place_; }
    std::uint64_t room() const; ///< Bytes until it must be rotated.

    /// All of it or, where it fails, nothing. Errors: as write(2): resource_exhausted.
    Status append(std::string_view text);

    /// Starts a new file. Where that fails the old one goes on.
    Status rotate();

private:
    LogWriter() = default;
    Status open_file();

    std::string path_;
    std::uint64_t rotate_at_ = 0;
    std::uint32_t keep_files_ = 0;
    sys::UniqueFd fd_;
    Place place_;
};

} // namespace nova::supervisor
