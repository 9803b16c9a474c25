#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/process_spec.h"

/// The daemon's side of the runtime: writes OCI bundles and says how `nb` is to be called for them. Enters nothing itself.
namespace nova::runtime {

using base::Result;
using base::Status;

struct BindMount {
    std::string source;
    std::string target;
    bool read_only = false;
};

/// One capsule, as it shall run.
struct CapsulePlan {
    std::string id;     ///< "pod.default.web"
    std::string bundle; ///< Directory for config.json.
    std::string rootfs; ///< Mounted root.
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::string working_dir = "/";
    std::string hostname;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;
    std::vector<BindMount> mounts; ///< Volumes, and resolv.conf, hosts, hostname.
    std::string network_namespace; ///< Path to join; empty: a new one with loopback only.
    bool host_network = false;
    std::string cgroup; ///< "/nova-1a2b3c4d/pod.default.web"
    std::optional<base::Bytes> memory_limit;
    std::optional<double> cpu_limit;
    bool read_only_root = false;
    bool no_new_privileges = true;
    bool privileged = false;
    bool terminal = false;
    std::string log_path;
};

struct Options {
    std::string state_directory; ///< nb's --root.
    int program = -1;            ///< Descriptor of the sealed nb. Borrowed.
};

class Capsules {
public:
    explicit Capsules(Options options) : options_(std::move(options)) {}

    /// Writes the bundle (default capabilities, seccomp profile, masked paths) and returns the process to run.
    /// Errors: invalid_argument - names the field.
    Result<model::ProcessSpec> prepare(const CapsulePlan& plan) const;

    /// How to call nb for a second process in a running capsule.
    std::vector<std::string> exec_argv(const std::string& id, const std::vector<std::string>& command, bool terminal,
                                       const std::string& user, const std::string& cwd,
                                       const std::vector<std::string>& env) const;

    /// Kills what is left of it, removes its cgroup and nb's record. Accepts absence. Spawns nb.
    Status remove(const std::string& id) const;

private:
    Options options_;
};

} // namespace nova::runtime
