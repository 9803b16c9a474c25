#include "vm/command_line.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace nova::vm {
namespace {

using nlohmann::json;
using Arguments = std::vector<std::string>;

/// JSON instead of QEMU's "key=value,key=value": no path or name can smuggle in an option.
std::string to_option(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

void add(Arguments& to, std::initializer_list<std::string> arguments) { to.insert(to.end(), arguments); }

/// In the old option form a comma is written twice.
std::string escape_commas(const std::string& text)
{
    std::string escaped;
    for (auto const c : text)
        escaped.append(c == ',' ? 2 : 1, c);
    return escaped;
}

json file_node(const std::string& path, bool read_only)
{
    return {{"driver", "file"}, {"filename", path}, {"read-only", read_only}};
}

void add_processor(Arguments& arguments, const MachinePlan& plan)
{
    // Without SATA and SMBus the guest has less to probe; everything is virtio.
    add(arguments, {"-machine", "q35,usb=off,sata=off,smbus=off,vmport=off,dump-guest-core=off"});
    add(arguments, {"-accel", std::string{to_string(plan.acceleration)}, "-cpu", "max"});
    add(arguments, {"-smp", std::to_string(plan.cpus), "-m", std::to_string(plan.memory.count) + "B"});
}

void add_kernel(Arguments& arguments, const MachinePlan& plan)
{
    if (plan.kernel.empty())
        return;
    add(arguments, {"-kernel", plan.kernel, "-append", kernel_command_line(plan.cmdline, plan.acceleration)});
    if (!plan.initramfs.empty())
        add(arguments, {"-initrd", plan.initramfs});
}

void add_disk(Arguments& arguments, const DiskChain& disk)
{
    if (disk.overlay.empty())
        return;
    json overlay{{"driver", "qcow2"}, {"node-name", "hd0"}, {"discard", "unmap"}, {"file", file_node(disk.overlay, false)}};
    // The chain is spelled out, so that QEMU opens no file because a header says so.
    overlay["backing"] = nullptr;
    if (!disk.base.empty()) {
        json base{{"driver", to_string(disk.base_format)}, {"read-only", true}, {"file", file_node(disk.base, true)}};
        if (disk.base_format == DiskFormat::qcow2)
            base["backing"] = nullptr;
        overlay["backing"] = std::move(base);
    }
    add(arguments, {"-blockdev", to_option(overlay)});
    add(arguments, {"-device", to_option({{"driver", "virtio-blk-pci"}, {"id", "disk0"}, {"drive", "hd0"}, {"bootindex", 1}})});
}

void add_network(Arguments& arguments, const MachinePlan& plan)
{
    if (plan.tap.empty())
        return;
    json const tap{{"type", "tap"}, {"id", "net0"}, {"ifname", plan.tap}, {"script", "no"}, {"downscript", "no"}};
    // An empty romfile: no network boot, whose ROM costs a quarter of a second under TCG.
    json const card{{"driver", "virtio-net-pci"}, {"id", "nic0"}, {"netdev", "net0"}, {"mac", plan.mac}, {"romfile", ""}};
    add(arguments, {"-netdev", to_option(tap), "-device", to_option(card)});
}

void add_console_and_monitor(Arguments& arguments)
{
    add(arguments, {"-display", "none", "-chardev", "pipe,id=serial0,path=console", "-serial", "chardev:serial0"});
    add(arguments, {"-chardev", "socket,id=monitor,path=monitor,server=on,wait=off", "-mon", "chardev=monitor,mode=control"});
    add(arguments, {"-pidfile", "pid"});
}

} // namespace

MachineFiles::MachineFiles(const MachinePlan& plan)
    : config(plan.directory + "/config.yaml"),
      disk(plan.directory + "/hd0.qcow2"),
      run(plan.run_directory),
      monitor(run + "/monitor"),
      pid(run + "/pid"),
      console(run + "/console")
{}

std::string kernel_command_line(const std::string& wanted, Acceleration acceleration)
{
    auto const words = base::split(wanted, ' ');
    bool const has_console = std::ranges::any_of(words, [](const auto& word) { return word.starts_with("console="); });
    // Before what is wanted, which may end with words for init.
    std::string line = acceleration == Acceleration::tcg ? "no_timer_check " : "";
    line += has_console ? "" : "console=ttyS0 ";
    return base::trim(line + wanted);
}

std::vector<std::string> make_command_line(const std::string& program, const MachinePlan& plan, const DiskChain& disk)
{
    Arguments arguments{program};
    add(arguments, {"-name", "guest=" + escape_commas(plan.id), "-no-user-config", "-nodefaults"});
    add(arguments, {"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"});
    add_processor(arguments, plan);
    add_kernel(arguments, plan);
    add_disk(arguments, disk);
    add_network(arguments, plan);
    add(arguments, {"-device", "virtio-rng-pci"});
    // A guest that panics and has the driver says so, and QEMU ends with 1: not with 0, as when the guest turns itself off.
    add(arguments, {"-device", "pvpanic-pci", "-action", "panic=exit-failure"});
    add_console_and_monitor(arguments);
    return arguments;
}

} // namespace nova::vm
