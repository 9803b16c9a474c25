#pragma once

#include <string>
#include <vector>

#include "model/oci_config.h"
#include "runtime/channel.h"
#include "runtime/mounts.h"
#include "runtime/namespaces.h"
#include "runtime/process.h"
#include "runtime/rootfs.h"
#include "runtime/state.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// When the container's program starts: by `start`, or as soon as all is set up.
enum class StartMode { later, at_once };

/// All that the container's first process needs to become it. Made before the clone; the child reads its copy.
struct InitPlan {
    explicit InitPlan(const model::oci::Config& whole) : config(whole) {}

    const model::oci::Config& config;
    std::string id;
    std::string bundle;
    std::string rootfs; ///< Absolute.
    Record record;      ///< For hooks inside, and with the cgroup; the pid is put in by the child.
    NamespacePlan namespaces;
    SeccompFilter seccomp;
    bool has_seccomp = false;
    std::vector<PreparedMount> prepared_mounts;
    std::vector<sys::UniqueFd> nodes;        ///< Of make_host_nodes.
    std::vector<sys::UniqueFd> cgroup_tasks; ///< Version 1: where to join.
    sys::UniqueFd host_proc;                 ///< /proc as we see it: a mount namespace that is joined may have anything there.
    bool binds_hierarchies = false;          ///< Of may_bind_hierarchies: asked where /proc is the host's.
    bool cgroup_follows = false;             ///< Made meanwhile: cgroup_tasks come as a note.
    bool network_follows = false;            ///< Made meanwhile: the network namespace comes as a note, before the cgroup's.
    sys::UniqueFd console_socket;
    sys::UniqueFd start_listener;
    bool send_terminal = false; ///< No console socket: the parent gets the terminal.
    StartMode start = StartMode::later;
    RootSwitch root_switch = RootSwitch::pivot;
    bool new_keyring = true;
    unsigned preserve_fds = 0;
    unsigned listen_fds = 0;
};

/// The life of the container's first process until its program takes over. Errors travel through the channel.
[[noreturn]] void run_init(const InitPlan& plan, Channel channel);

} // namespace nova::runtime
