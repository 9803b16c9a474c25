#include "model/bounds.h"
#include "model/cidr.h"
#include "model/description.h"
#include "model/kinds.h"

namespace nova::model {
namespace {

Rule mac_rule() { return string_rule("the address of one station, like 52:54:00:12:34:56", is_mac); }

void check(const MachineSpec& spec, Problems& problems)
{
    if (spec.image.empty() && spec.kernel.empty())
        problems.add_at("image", "a machine needs an image or a kernel to boot from");
    if (spec.kernel.empty() && !spec.initramfs.empty())
        problems.add_at("initramfs", "needs a kernel");
    if (spec.kernel.empty() && !spec.cmdline.empty())
        problems.add_at("cmdline", "needs a kernel");
    if (spec.image.empty() && spec.disk_size.count > 0)
        problems.add_at("diskSize", "needs an image");
}

void fill_mac(VirtualMachine& machine)
{
    if (machine.spec.mac.empty())
        machine.spec.mac = derive_mac(machine.meta.space + "/" + machine.meta.name);
}

} // namespace

const Description& describe(const MachineSpec*)
{
    static auto const description = describe_as<MachineSpec>(
        {
            field("cpu", &MachineSpec::cpu, "Virtual CPUs.").in("CPUs").between(1, most_machine_cpus).column("CPU"),
            field("memory", &MachineSpec::memory, "Main memory.")
                .at_least(least_machine_memory)
                .at_most(most_memory)
                .column("MEMORY"),
            field("image", &MachineSpec::image, "The disk image (qcow2 or raw) it starts from; it is not written to.")
                .must_be(absolute_path()),
            field("diskSize", &MachineSpec::disk_size, "Size of its own disk. 0: as large as the image.").at_most(most_disk),
            field("kernel", &MachineSpec::kernel, "A kernel to boot directly.").must_be(absolute_path()),
            field("initramfs", &MachineSpec::initramfs, "The first file system of that kernel.").must_be(absolute_path()),
            field("cmdline", &MachineSpec::cmdline, "The kernel's command line."),
            field("network", &MachineSpec::network, "The Network it is on.").must_be(dns_subdomain()).column("NETWORK", 1),
            field("mac", &MachineSpec::mac, "Its hardware address. Default: 52:54: and four bytes derived from its name.")
                .must_be(mac_rule()),
            field("acceleration", &MachineSpec::acceleration, "auto takes KVM where it is faster than emulation.")
                .one_of({"auto", "kvm", "tcg"}),
            field("running", &MachineSpec::running, "Whether it shall run."),
            field("gracePeriodSeconds", &MachineSpec::grace_seconds, "From the power button to the kill.")
                .in("seconds")
                .between(0, most_grace_seconds),
        },
        check);
    return description;
}

const Description& describe(const MachineStatus*)
{
    static auto const description = describe_as<MachineStatus>({
        field("phase", &MachineStatus::phase, "Pending, Starting, Running, Stopping, Stopped, Failed, Unknown or Terminating.")
            .column("STATUS"),
        field("pid", &MachineStatus::pid, "Of its process.").column("PID", 1),
        field("address", &MachineStatus::address, "On its network.").column("ADDRESS"),
        field("mac", &MachineStatus::mac, "Its hardware address.").column("MAC", 1),
        field("acceleration", &MachineStatus::acceleration, "What is used: kvm or tcg.").column("ACCELERATION", 1),
        field("exitCode", &MachineStatus::exit_code, "How its process ended. Absent while it runs, and where it can't be known."),
        field("startedAt", &MachineStatus::started, "When it was last started.").must_be(rfc3339_time()),
        field("finishedAt", &MachineStatus::finished, "When it last ended.").must_be(rfc3339_time()),
        field("conditions", &MachineStatus::conditions, "What is going on, in words."),
        field("observedGeneration", &MachineStatus::observed_generation, "The generation that this status is about."),
        field("attempt", &MachineStatus::attempt, "The value of annotation nanocloud.io/restart that this status is about."),
    });
    return description;
}

const Description& describe(const VirtualMachine*)
{
    static auto const description = describe_as<VirtualMachine>(
        {
            field("metadata", &VirtualMachine::meta, "Name, labels and history.").required(),
            field("spec", &VirtualMachine::spec, "What it shall be.").required(),
            field("status", &VirtualMachine::status, "What it is."),
        },
        nullptr, fill_mac);
    return description;
}

const KindDescription& describe_kind(const VirtualMachine* machine)
{
    static KindDescription const kind{{"nanocloud.io",
                                       "v1",
                                       "VirtualMachine",
                                       "virtualmachines",
                                       "virtualmachine",
                                       {"vm", "machine"},
                                       true,
                                       "A virtual machine with its disk and its place on a network.",
                                       {}},
                                      &describe(machine)};
    return kind;
}

} // namespace nova::model
