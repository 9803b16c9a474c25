#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/globals.h"
#include "runtime/wire_message.h"
#include "sys/cgroup.h"
#include "sys/child.h"

/// criu as a child that serves one request (criu swrk), in its protocol of images/rpc.proto.
namespace nova::runtime {

/// Numbers of criu_opts' fields.
namespace criu_option {
constexpr unsigned images = 1, pid = 2, leave_running = 3, unix_sockets = 4, tcp = 5, shell_job = 7, file_locks = 8,
                   log_level = 9, log_file = 10, notify = 12, root = 13, parent = 14, track_memory = 15, auto_dedup = 16,
                   work = 17, link_remap = 18, external_mount = 23, manage_cgroups = 24, cgroup_root = 25, sibling = 26,
                   inherited = 27, cgroup_mode = 34, external = 37, empty_namespaces = 38, freeze_cgroup = 44,
                   skip_in_flight = 46, orphan_terminal = 50, network_lock = 64;
}

enum class CriuWork : unsigned { dump = 1, restore = 2, pre_dump = 4 };

/// What checkpoint and restore are both told.
struct CriuSettings {
    std::string image_path; ///< Absolute.
    std::string work_path;  ///< Where criu's log goes. Empty: the images'.
    std::string cgroup_mode;
    bool tcp_established = false;
    bool tcp_skip_in_flight = false; ///< Connections that nobody has accepted yet are left out.
    bool external_unix_sockets = false;
    bool shell_job = false;
    bool file_locks = false;
    bool link_remap = false;
    bool auto_dedup = false;    ///< Pages that a later image has too are punched out of an earlier one.
    bool empty_network = false; ///< The network namespace's links and rules are the caller's, who makes them anew at restore.
};

/// A message from criu in the middle of its work, with a descriptor that came with it.
struct CriuNotice {
    std::string script; ///< "setup-namespaces", "pre-resume", ...
    pid_t pid = 0;      ///< Of the first process.
    pid_t criu = 0;     ///< Of criu itself.
    sys::UniqueFd fd;
};
using OnCriuNotice = std::function<base::Status(CriuNotice)>;

struct CriuRequest {
    CriuWork work = CriuWork::dump;
    const CriuSettings& settings;
    WireMessage options{};                                           ///< Beside those that the settings make.
    std::vector<sys::PassedFd> pass{};                               ///< From 4 on: 3 is criu's socket.
    const sys::Cgroup* cgroup = nullptr;                             ///< Where criu works, and with it what it restores.
    sys::NewPrivileges new_privileges = sys::NewPrivileges::allowed; ///< What it restores inherits this from it.
    OnCriuNotice on_notice{};                                        ///< A failure of it ends the work.
};

/// Does it; gives the pid of what was restored, else 0.
/// Errors: not_found - criu is not installed, with what to do; internal - with criu's own last words.
base::Result<pid_t> run_criu(const Globals& globals, const CriuRequest& request);

/// criu's name for a mode of --manage-cgroups-mode. Errors: invalid_argument.
base::Result<unsigned> parse_cgroup_mode(const std::string& name);

/// A mount whose content lies outside: what stands for it in the images, or where it comes from when they are restored.
WireMessage external_mount(const std::string& inside, const std::string& value);

} // namespace nova::runtime
