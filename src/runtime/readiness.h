#pragma once

#include <string>

#include "base/result.h"
#include "model/oci_config.h"
#include "runtime/state.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// A container's program may tell the service manager that started us (NOTIFY_SOCKET) that it is ready. It gets a socket of
/// ours instead of the manager's: a manager believes much of what it is told, and of that only "READY=1" goes on.

/// Has the configuration mount the directory of that socket at the path of the manager's, and name it, as crun does. Does nothing
/// where there is no manager. Before the mounts are made.
Status offer_notify_socket(const StateDirectory& directory, model::oci::Config& config);

/// Listens on it. A container may tell as much as it likes: it is read, so that it never waits for us, and thrown away.
class Readiness {
public:
    Readiness() = default;

    /// Waits for nothing where there is no manager, or none was there when the container was made.
    static Result<Readiness> open(const StateDirectory& directory);

    int fd() const { return socket_.get(); } ///< For poll(2). -1: nothing will come.

    /// Reads what came. Where it says so tells the manager that we are ready and, unless we stay, which process it shall watch
    /// from now on (main_pid; 0: us).
    Status take(pid_t main_pid);

    /// Takes what comes until the container is ready or its first process has ended, and the manager knows.
    Status wait(int pidfd, pid_t main_pid);

private:
    std::string manager_;
    sys::UniqueFd socket_;
    bool told_ = false;
};

} // namespace nova::runtime
