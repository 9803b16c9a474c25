#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// Where a resctrl file system is mounted, as /proc/self/mountinfo says it (proc_pid_mountinfo(5)). Of several, the last one.
std::optional<std::string> find_resctrl(std::string_view mountinfo);

/// The kernel's resctrl file system: groups of processes that share caches and memory bandwidth, and groups that are watched.
/// A group is a directory: "" (the default one), "web", "web/mon_groups/one". Errors carry what the kernel says beside errno.
/// Source: Documentation/filesystems/resctrl.rst.
class Resctrl {
public:
    /// The one that is mounted in our mount namespace. Errors: failed_precondition - none is.
    static Result<Resctrl> open();

    /// The one at `root`, which nobody checks to be one: for tests, whose kernel has none.
    static Result<Resctrl> at(const std::string& root);

    bool has_group(const std::string& group) const;

    /// Errors: already_exists; resource_exhausted - the processor knows no more of them; as mkdir(2).
    Status create_group(const std::string& group) const;

    /// Its processes go to the group above. Accepts absence.
    Status remove_group(const std::string& group) const;

    Status write(const std::string& group, const std::string& file, std::string_view text) const; ///< One write(2).
    Result<std::string> read(const std::string& path) const;
    Result<std::vector<std::string>> list(const std::string& path) const; ///< Names in a directory, sorted.

private:
    explicit Resctrl(UniqueFd root) : root_(std::move(root)) {}
    base::Error with_reason(base::Error error) const;
    Result<UniqueFd> open_above(const std::string& group) const;

    UniqueFd root_;
};

} // namespace nova::sys
