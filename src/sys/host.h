#pragma once

#include <cstdint>
#include <string>

namespace nova::sys {

/// This machine, as its kernel describes it.
struct Host {
    std::string name;   ///< uname -n
    std::string kernel; ///< uname -r
    std::uint32_t cpus = 1;
    std::uint64_t memory_bytes = 0;
};

/// Cost: three system calls. Can't fail.
Host describe_host();

} // namespace nova::sys
