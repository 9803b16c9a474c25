#pragma once

#include <string>

#include "base/result.h"
#include "runtime/criu.h"
#include "runtime/globals.h"
#include "runtime/init.h"
#include "runtime/readiness.h"
#include "runtime/state.h"

namespace nova::runtime {

/// What `create` and `run` are asked to do.
struct LaunchRequest {
    std::string id;
    std::string bundle;         ///< Absolute.
    std::string config;         ///< Absolute path of its configuration.
    std::string console_socket; ///< Unix socket that takes the terminal. Empty: none.
    std::string pid_file;
    std::string pidfd_socket;
    bool attached = false; ///< We stay, and pass a terminal's bytes on ourselves.
    StartMode start = StartMode::later;
    RootSwitch root_switch = RootSwitch::pivot;
    bool new_keyring = true;
    unsigned preserve_fds = 0; ///< With those of socket activation.
    unsigned listen_fds = 0;   ///< How many of them are: LISTEN_FDS, LISTEN_FDNAMES and a LISTEN_PID that is right go along.
    const CriuSettings* images = nullptr; ///< Borrowed: its processes come from a checkpoint instead of the program's file.
};

/// A container that was set up.
struct Launched {
    Record record;
    sys::UniqueFd pidfd;
    sys::UniqueFd terminal; ///< Its master, where we stay attached and it has one.
    Readiness readiness;    ///< What it still has to tell a service manager.
};

/// Makes a container from a bundle: record, cgroup, namespaces, root, and its first process, which waits for `start` or has
/// started. When any step fails the process is killed, and cgroup and record are gone again.
/// Errors: already_exists; invalid_argument - names the field of config.json; as the kernel says.
Result<Launched> launch(const Globals& globals, const LaunchRequest& request);

/// Which process a seccomp listener is for.
struct Watched {
    const Record& record;
    Phase phase = Phase::creating;
    pid_t pid = 0;
};

/// Sends the seccomp listener to whoever answers system calls (linux.seccomp.listenerPath).
Status deliver_listener(const sys::UniqueFd& agent, const model::oci::Seccomp& profile, const Watched& watched,
                        const sys::UniqueFd& listener);

/// A connection to whoever answers system calls, before anybody asks them. Empty where no rule wants that.
Result<sys::UniqueFd> connect_agent(const model::oci::Seccomp& profile);

} // namespace nova::runtime
