#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/cgroup.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// Whether what stood in a file before is kept, to be set back.
enum class OldValues { forget, keep };

/// Writes a cgroup's limits. With OldValues::keep it can take all of them back, so that an update that fails half-way leaves the
/// limits as they were.
class LimitWriter {
public:
    LimitWriter(const sys::Cgroup& cgroup, OldValues old_values) : cgroup_(cgroup), old_values_(old_values) {}

    const sys::Cgroup& cgroup() const { return cgroup_; }

    /// As Cgroup::write.
    Status write(std::string_view controller, const std::string& file, std::string_view text);

    /// Sets back what was written, newest first. Errors: the first one; the rest is set back all the same.
    Status take_back();

private:
    struct Old {
        std::string controller;
        std::string file;
        std::string text;      ///< Written as it is to set the value back.
        std::string otherwise; ///< Where the kernel refuses that: what comes to the same. Empty where there is nothing.
    };

    const sys::Cgroup& cgroup_;
    OldValues old_values_;
    std::vector<Old> written_;
};

/// What to write into a cgroup's file so that it says `before` again, after `text` was written. Files with a line per device
/// ("8:0 rbps=1") take one line at a time; one that was not there is set to what the kernel counts as none.
std::string text_that_restores(std::string_view file, std::string_view text, std::string_view before);

} // namespace nova::runtime
