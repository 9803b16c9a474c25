#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"

/// Parts of a container whose content is not in a checkpoint: bind mounts, and namespaces that it joined by path.
namespace nova::runtime {

struct ExternalMount {
    std::string inside; ///< Path in the container.
    std::string source; ///< On the host. Relative ones begin in the bundle.
};
std::vector<ExternalMount> external_mounts(const model::oci::Config& config);

/// A namespace by path that criu can leave alone, by the name under which it is found again.
struct ExternalNamespace {
    std::string key;
    std::string path;
};
std::vector<ExternalNamespace> joined_namespaces(const model::oci::Linux& config);

/// The same as criu wants them for a dump: "net[INODE]:KEY". Errors: not_found - the path is not there any more.
base::Result<std::vector<std::string>> external_namespaces(const model::oci::Linux& config);

} // namespace nova::runtime
