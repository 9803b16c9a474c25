#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// Makes a FIFO, or accepts the one that is there. Errors: already_exists - there is something else.
Status ensure_fifo(const std::string& path, unsigned mode = 0600);

enum class FifoMode { nonblocking, blocking };

/// Opens a FIFO for reading and writing, so that neither end sees the other come or go: no EOF, no SIGPIPE, and what was
/// written stays in it while anyone holds it. Never blocks in open, does not follow a last link. Reads and writes do not block
/// unless asked for.
/// Errors: not_found, invalid_argument - not a FIFO.
Result<UniqueFd> open_fifo(const std::string& path, FifoMode mode = FifoMode::nonblocking);

/// Moves up to `most` bytes out of a FIFO (a pipe, a terminal) to `offset` of a plain file, or into another FIFO where offset is
/// negative. The kernel takes away exactly what it stored, also when we are killed in the middle: nothing is lost or doubled.
/// 0: the end. Errors: unavailable - nothing is there now; resource_exhausted - the disk is full.
Result<std::size_t> move_bytes(int from, int to, long long offset, std::size_t most);

} // namespace nova::sys
