#include "runtime/external_parts.h"

#include <sys/stat.h>

#include "runtime/mount_options.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Error;
using base::Result;
namespace oci = model::oci;

namespace {

/// criu knows how to leave these two alone.
std::string criu_name(const std::string& type)
{
    if (type == "network")
        return "net";
    return type == "pid" ? "pid" : "";
}

} // namespace

std::vector<ExternalMount> external_mounts(const oci::Config& config)
{
    std::vector<ExternalMount> mounts;
    for (const auto& mount : config.mounts) {
        auto const options = parse_mount_options(mount.options);
        bool const bind = mount.type == "bind" || mount.type == "rbind" || (options.ok() && options.value().bind);
        if (bind)
            mounts.push_back({"/" + sys::clean_path(mount.destination), mount.source});
    }
    return mounts;
}

std::vector<ExternalNamespace> joined_namespaces(const oci::Linux& config)
{
    std::vector<ExternalNamespace> joined;
    for (const auto& entry : config.namespaces) {
        auto const name = criu_name(entry.type);
        if (!entry.path.empty() && !name.empty())
            joined.push_back({name == "net" ? "extRootNetNS" : "extRootPidNS", entry.path});
    }
    return joined;
}

Result<std::vector<std::string>> external_namespaces(const oci::Linux& config)
{
    std::vector<std::string> names;
    for (const auto& joined : joined_namespaces(config)) {
        struct stat status {};
        if (::stat(joined.path.c_str(), &status) < 0) {
            int const errnum = errno;
            return Error::from_errno("linux.namespaces: " + joined.path, errnum);
        }
        names.push_back((joined.key == "extRootNetNS" ? "net[" : "pid[") + std::to_string(status.st_ino) + "]:" + joined.key);
    }
    return names;
}

} // namespace nova::runtime
