#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Status;

/// linux.maskedPaths and linux.readonlyPaths. What is not there is passed over. Before the root is entered: what covers a masked
/// file is the host's /dev/null, checked to be it, which a container could have replaced in its own /dev.
class HiddenPaths {
public:
    HiddenPaths(sys::RootDirectory& root, const model::oci::Linux& config) : root_(root), config_(config) {}

    Status hide_in_proc(); ///< Those below /proc, once that is mounted.
    Status hide_rest();    ///< All that were not hidden yet, once everything is mounted.

private:
    using Choice = std::function<bool(const std::string&)>;
    static bool is_in_proc(const std::string& path);
    Status hide_if(const Choice& chosen);
    Status cover(const sys::UniqueFd& target);

    sys::RootDirectory& root_;
    const model::oci::Linux& config_;
    bool proc_is_done_ = false;
    std::set<std::string> masked_; ///< As clean paths: one cover is enough.
    sys::UniqueFd file_cover_;
    sys::UniqueFd directory_cover_;
};

} // namespace nova::runtime
