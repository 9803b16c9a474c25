#pragma once

#include <string>
#include <vector>

#include "vm/disk.h"
#include "vm/hypervisor.h"

namespace nova::vm {

/// Where a machine's files lie. QEMU runs in `run`, so that its socket's path is short however deep the root is.
struct MachineFiles {
    explicit MachineFiles(const MachinePlan& plan);

    std::string config;  ///< …/config.yaml
    std::string disk;    ///< …/hd0.qcow2
    std::string run;     ///< run_directory
    std::string monitor; ///< run/monitor
    std::string pid;     ///< run/pid, locked by QEMU as long as it lives.
    std::string console; ///< run/console: with .in and .out, two FIFOs
};

/// The disk of a machine: its overlay on its base image.
struct DiskChain {
    std::string overlay; ///< Empty: the machine has no disk.
    std::string base;    ///< Empty: the overlay stands alone.
    DiskFormat base_format = DiskFormat::raw;
};

/// QEMU's command line for a machine, from `program` on. Takes no time and touches nothing.
std::vector<std::string> make_command_line(const std::string& program, const MachinePlan& plan, const DiskChain& disk);

/// The kernel's command line: with console=ttyS0 where the plan names no console, for that is the one Nova logs, and without the
/// check of the timer where that fails on a busy host (Linux, Documentation/admin-guide/kernel-parameters.txt: no_timer_check).
std::string kernel_command_line(const std::string& wanted, Acceleration acceleration);

} // namespace nova::vm
