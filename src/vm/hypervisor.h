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
    std::string reason; ///< "KVM ran the probe 2700 times as long as the CPU itself: it emulates", "no /dev/kvm"
};

/// Runs a few microseconds of guest code under KVM and judges by the time it took; never by /dev/kvm's existence.
/// Cost: at most 20 ms. Safe from any thread.
AccelerationFinding measure_acceleration();

/// One machine, as it shall be booted.
struct MachinePlan {
    std::string id;   ///< "vm.default.probe"
    std::string name; ///< "probe"
    std::uint32_t cpus = 1;
    base::Bytes memory;
    std::string image; ///< Base image; empty: no disk.
    base::Bytes disk_size;
    std::string kernel;
    std::string initramfs;
    std::string cmdline;
    std::string tap; ///< Empty: no network.
    std::string mac;
    Acceleration acceleration = Acceleration::tcg;
    std::string directory;     ///< vms/<name>.vm: config.yaml, hd0.qcow2
    std::string run_directory; ///< This machine's own: QMP socket, pid file and the console's FIFOs. Made where missing.
    std::string log_path;      ///< The console's output and QEMU's own words.
};

/// starting: the process is there, but its monitor does not answer yet (or not any more). crashed: QEMU holds a guest that can't
/// go on (it panicked, or its disk failed); quit ends it.
enum class Power { off, starting, on, paused, crashed };
std::string_view to_string(Power power);

/// Machines under one hypervisor program.
class Hypervisor {
public:
    virtual ~Hypervisor() = default;

    /// Makes directory, config.yaml and disk overlay where missing (never touches a disk that is there), and returns the
    /// process to run. Harmless while the machine runs. Cost: about 1 ms; where the disk must be made, also an fsync or two.
    /// Errors: not_found - image, kernel or the hypervisor program; invalid_argument - image is neither qcow2 nor raw, or refers
    /// to other files, or the kernel is none; failed_precondition - the machine's disk was made on another image;
    /// resource_exhausted.
    virtual Result<model::ProcessSpec> prepare(const MachinePlan& plan) = 0;

    // What follows needs of the plan only id, directory and run_directory.

    /// Over the monitor. off: no process. Cost: one round trip, 2 s at most.
    /// Errors: deadline_exceeded - there is a process, but its monitor hangs.
    virtual Result<Power> observe(const MachinePlan& plan) = 0;

    /// Asks the guest to shut down; whether and when it does, observe tells. A paused machine is resumed, for it could not hear.
    /// Errors of this and the next three: failed_precondition - it does not run; deadline_exceeded - its monitor hangs.
    virtual Status press_power_button(const MachinePlan& plan) = 0;

    /// Ends the hypervisor at once, with what it has buffered for the disk written. Accepts a machine that is off.
    virtual Status quit(const MachinePlan& plan) = 0;
    virtual Status pause(const MachinePlan& plan) = 0;
    virtual Status resume(const MachinePlan& plan) = 0;

    /// The machine's directory (disks too) and its run-time files. Accepts absence. Errors: failed_precondition - it runs.
    virtual Status remove(const MachinePlan& plan) = 0;
};

/// QEMU, driven over QMP.
std::unique_ptr<Hypervisor> make_qemu();

} // namespace nova::vm
