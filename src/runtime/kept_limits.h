#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sys/cgroup.h"

namespace nova::runtime {

using base::Status;

/// What a cgroup's limits say before somebody else writes them too: systemd, which sets all of a unit's limits whenever it is
/// told one, knows nothing of some (a period without a quota, a soft limit of version 1).
class KeptLimits {
public:
    /// About fifteen reads.
    static KeptLimits read(const sys::Cgroup& cgroup);

    /// Writes those that say something else now. Errors: as Cgroup::write.
    Status set_back(const sys::Cgroup& cgroup) const;

private:
    struct Limit {
        const char* controller;
        const char* file;
        std::string text;
    };
    std::vector<Limit> limits_;
};

} // namespace nova::runtime
