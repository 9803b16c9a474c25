#pragma once

#include <string>

#include "base/result.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// Runs commands of libnftables' JSON form ({"nftables": [...]}) in the calling thread's network namespace, as one transaction:
/// all of them or none. Returns what they print, which is JSON too, and empty where they print nothing.
/// The library is loaded at the first call, so that programs that never come here start without it.
/// Errors: unavailable - the library is missing, or the kernel has no nf_tables; not_found - a table that is asked for does not
/// exist; permission_denied; invalid_argument - anything else, with the library's words.
Result<std::string> run_nftables(const std::string& commands);

} // namespace nova::sys
