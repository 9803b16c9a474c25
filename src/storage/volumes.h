#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace nova::storage {

using base::Result;
using base::Status;

/// Named volumes: directories that outlive the workloads that use them, volumes/<space>/<name>/data.
class Volumes {
public:
    static Result<Volumes> open(const std::string& directory);

    Result<std::string> ensure(const std::string& space, const std::string& name); ///< The data directory.
    Result<std::vector<std::string>> list(const std::string& space) const;
    Status remove(const std::string& space, const std::string& name); ///< With all data. Accepts absence.

private:
    explicit Volumes(std::string directory) : directory_(std::move(directory)) {}
    std::string directory_;
};

} // namespace nova::storage
