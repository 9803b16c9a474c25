#pragma once

namespace nova::base {

/// Writes "must: WHAT" to stderr and ends the process.
[[noreturn]] void must_failed(const char* what);

/// For what only a programmer's error can break. Never for input, and never for what the kernel may answer.
inline void must(bool holds, const char* what)
{
    if (!holds) [[unlikely]]
        must_failed(what);
}

} // namespace nova::base
