#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nova::sys {

/// The newest call that a profile names of one architecture. All numbers behind it are calls that came later than the profile.
struct NewestCall {
    std::uint32_t architecture = 0; ///< As the kernel tells it to filters (AUDIT_ARCH_X86_64, also for x32).
    std::uint32_t number = 0;
    std::uint32_t highest = 0; ///< The last number that can be a call there.

    bool operator==(const NewestCall&) const = default;
};

/// The same program, but that calls newer than these do not exist (ENOSYS). Where it denies them by another errno, a C library
/// takes the call for one that exists and is forbidden, and does not do what it did before there was that call.
std::string without_newer_calls(const std::string& code, const std::vector<NewestCall>& newest);

} // namespace nova::sys
