#pragma once

#include <string>

#include "model/oci_config.h"
#include "runtime/systemd.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

/// A unit of systemd for a container that is being made. systemd makes no scope without a process, and the container's own shall
/// be born in it: so a process that does nothing holds the place until then.
class Scope {
public:
    /// Errors: unavailable - no systemd; as systemd says. Nothing is left then.
    static Result<Scope> create(const UnitName& name, SystemdKind kind, const model::oci::Config& config);

    const std::string& cgroup() const { return cgroup_; }

    /// The container's process is in it: the place holder goes, and only now the number of processes is limited.
    Status settle(const model::oci::Resources& resources);

    Status stop();

private:
    /// Killed and reaped with this handle.
    class PlaceHolder {
    public:
        static Result<PlaceHolder> start();
        PlaceHolder(PlaceHolder&&) = default;
        PlaceHolder& operator=(PlaceHolder&&) = delete;
        ~PlaceHolder() { end(); }
        void end();
        pid_t pid() const { return pid_; }

    private:
        PlaceHolder(pid_t pid, sys::UniqueFd process) : pid_(pid), process_(std::move(process)) {}
        pid_t pid_;
        sys::UniqueFd process_;
    };

    Scope(Systemd systemd, std::string unit, PlaceHolder holder)
        : systemd_(std::move(systemd)), unit_(std::move(unit)), holder_(std::move(holder))
    {}

    Systemd systemd_;
    std::string unit_;
    std::string cgroup_;
    PlaceHolder holder_;
};

/// The limits of a container that runs, told to systemd too.
Status tell_systemd(const std::string& unit, SystemdKind kind, const model::oci::Resources& resources);

} // namespace nova::runtime
