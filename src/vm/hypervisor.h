#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "model/process_spec.h"

namespace nova::vm {

using base::Result;
using base::Status;

/// How the guest's instructions are run.
enum class Acceleration { kvm, tcg };
std::string_view to_string(Acceleration acceleration);

struct AccelerationFinding {
    Acceleration use = Acceleration::tcg;
    std::string reason; ///< "KVM ran the probe 210 times slower than a CPU does: it emulates", "no /dev/kvm"
};

/// Runs a few microseconds of guest code under KVM and judges by the time it took; never by /dev/kvm's existence.
/// Cost: at most 20 ms. Safe from any thread.
AccelerationFinding measure_acceleration();

/// One machine, as it shall be booted.
struct MachinePlan {
    std::string id;    ///< "vm.default.probe"
    std::string name;  ///< "probe"
    std::uint32_t cpus = 1;
    base::Bytes memory;
    std::string image;      ///< Base image; empty: no disk.
    base::Bytes disk_size;
    std::string kernel;
    std::string initramfs;
    std::string cmdline;
    std::string tap; ///< Empty: no network.
    std::string mac;
    Acceleration acceleration = Acceleration::tcg;
    std::string directory; ///< vms/<name>.vm: config.yaml, hd0.qcow2
    std::string run_directory; ///< QMP socket, pid file.
    std::string log_path;
};

enum class Power { off, starting, on, paused, crashed };

/// Machines under one hypervisor program.
class Hypervisor {
public:
    virtual ~Hypervisor() = default;

    /// Makes directory, config.yaml and disk overlay where missing (never touches a disk that is there), and returns the
    /// process to run. Errors: not_found - image or kernel; invalid_argument - image is neither qcow2 nor raw, or refers to
    /// other files; resource_exhausted.
    virtual Result<model::ProcessSpec> prepare(const MachinePlan& plan) = 0;

    /// Over the monitor. off: no monitor answers. Cost: one round trip, 2 s at most.
    virtual Result<Power> observe(const MachinePlan& plan) = 0;

    virtual Status press_power_button(const MachinePlan& plan) = 0;
    virtual Status quit(const MachinePlan& plan) = 0;
    virtual Status pause(const MachinePlan& plan) = 0;
    virtual Status resume(const MachinePlan& plan) = 0;

    /// The machine's directory, disks too. Accepts absence. Errors: failed_precondition - it runs.
    virtual Status remove(const MachinePlan& plan) = 0;
};

/// QEMU, driven over QMP.
std::unique_ptr<Hypervisor> make_qemu();

} // namespace nova::vm
