#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace nova::sys {

using base::Result;

/// A counting loop, run by this CPU and by a guest under KVM.
struct KvmTiming {
    std::uint64_t instructions = 0; ///< Run by each.
    std::chrono::nanoseconds native{0};
    std::chrono::nanoseconds guest{0};
    bool finished = false; ///< False: the guest was stopped at the limit, `guest` is a lower bound.

    /// How many times slower the guest was.
    double factor() const
    {
        return static_cast<double>(guest.count()) / static_cast<double>(std::max<std::int64_t>(native.count(), 1));
    }
};

/// Makes a small guest and times it. A guest that turns out slow is not given the long loop; one that hangs is interrupted by a
/// timer, so that the guest never runs longer than `limit`. Needs no signal handler, and is safe from any thread.
/// Errors: not_found - no /dev/kvm; permission_denied; unavailable - KVM cannot run even this: the message says why.
Result<KvmTiming> time_kvm(std::chrono::nanoseconds limit = std::chrono::milliseconds{20});

} // namespace nova::sys
