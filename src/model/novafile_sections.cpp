#include "model/novafile_sections.h"

#include "model/bounds.h"

/// What each key of a NovaFile is called, means and may be.
namespace nova::model::novafile {

const Description& describe(const VmStorage*)
{
    static auto const description = describe_as<VmStorage>({
        field("directory", &VmStorage::directory, "Where the machine's disk lies."),
        field("filename", &VmStorage::filename, "What the disk's file is called."),
        field("format", &VmStorage::format, "Format of the disk.").one_of({"qcow2", "raw"}),
        field("size", &VmStorage::size, "Size of the disk; the same as disk_size.").at_most(most_disk),
        field("create_if_missing", &VmStorage::create_if_missing, "Whether the disk is made where there is none."),
    });
    return description;
}

const Description& describe(const VmGpu*)
{
    static auto const description = describe_as<VmGpu>({
        field("device_address", &VmGpu::device_address, "Address on the PCI bus."),
        field("mode", &VmGpu::mode, "How it is shared."),
        field("romfile", &VmGpu::romfile, "A ROM to show to the guest."),
        field("multifunction", &VmGpu::multifunction, "Whether its other functions go along."),
        field("audio_device", &VmGpu::audio_device, "Its sound device."),
        field("usb_controller", &VmGpu::usb_controller, "Its USB controller."),
        field("x_vga", &VmGpu::x_vga, "Whether it is the guest's primary display."),
        field("display", &VmGpu::display, "What is shown on the host."),
    });
    return description;
}

const Description& describe(const VmFirmware*)
{
    static auto const description = describe_as<VmFirmware>({
        field("boot_type", &VmFirmware::boot_type, "What the machine boots by.").one_of({"legacy", "uefi"}),
        field("secure_boot", &VmFirmware::secure_boot, "Whether only signed code boots."),
        field("ovmf_code", &VmFirmware::ovmf_code, "The firmware's code."),
        field("ovmf_vars", &VmFirmware::ovmf_vars, "The firmware's variables."),
    });
    return description;
}

const Description& describe(const VmTpm*)
{
    static auto const description = describe_as<VmTpm>({
        field("enabled", &VmTpm::enabled, "Whether the machine has one."),
        field("version", &VmTpm::version, "Version of the TPM.").one_of({"v1-2", "v2-0"}),
        field("backend", &VmTpm::backend, "What answers for it.").one_of({"emulated", "hardware"}),
    });
    return description;
}

const Description& describe(const Vm*)
{
    static auto const description = describe_as<Vm>({
        field("image", &Vm::image, "The disk image (qcow2 or raw) it starts from; it is not written to."),
        field("cpu", &Vm::cpu, "Virtual CPUs.").between(1, most_machine_cpus),
        field("memory", &Vm::memory, "Main memory.").at_least(least_machine_memory).at_most(most_memory),
        field("disk_size", &Vm::disk_size, "Size of its own disk. 0: as large as the image.").at_most(most_disk),
        field("kernel", &Vm::kernel, "A kernel to boot directly."),
        field("initramfs", &Vm::initramfs, "The first file system of that kernel."),
        field("cmdline", &Vm::cmdline, "The kernel's command line."),
        field("network", &Vm::network, "The [network.*] it is on."),
        field("mac", &Vm::mac, "Its hardware address."),
        field("acceleration", &Vm::acceleration, "auto takes KVM where it is faster.").one_of({"auto", "kvm", "tcg"}),
        field("autostart", &Vm::autostart, "Whether up starts it."),
        field("gpu_passthrough", &Vm::gpu_passthrough, "Whether it gets a GPU of the host."),
        field("compliance_profile", &Vm::compliance_profile, "What a guest system demands of its machine."),
        field("storage", &Vm::storage, "Its own disk."),
        field("gpu", &Vm::gpu, "The GPU it gets."),
        field("firmware", &Vm::firmware, "What it boots by."),
        field("tpm", &Vm::tpm, "Its trusted platform module."),
        field("looking_glass", &Vm::looking_glass, "Its display through shared memory."),
        field("disks", &Vm::disks, "Further disks."),
        field("cpu_pinning", &Vm::cpu_pinning, "Which CPUs of the host it runs on."),
        field("hugepages", &Vm::hugepages, "Whether its memory is made of huge pages."),
        field("cloud_init", &Vm::cloud_init, "What the guest is told at its first boot."),
        field("snapshots", &Vm::snapshots, "Snapshots to make by themselves."),
    });
    return description;
}

const Description& describe(const Bolt*)
{
    static auto const description = describe_as<Bolt>({
        field("isolation", &Bolt::isolation, "How far it is kept apart.").one_of({"strict", "standard", "loose"}),
        field("gpu_access", &Bolt::gpu_access, "Whether it may use GPUs."),
        field("gpu_devices", &Bolt::gpu_devices, "Which GPUs."),
        field("memory_limit", &Bolt::memory_limit, "Memory, page cache included.")
            .at_least(least_capsule_memory)
            .at_most(most_memory),
        field("cpu_limit", &Bolt::cpu_limit, "Share of time, in CPUs.").in("CPUs").must_be(cpu_share()),
        field("security_profile", &Bolt::security_profile, "Name of a profile."),
        field("network_mode", &Bolt::network_mode, "What it is attached by.").one_of({"bridge", "quic", "host"}),
        field("read_only", &Bolt::read_only, "Whether its root can't be written to."),
        field("no_new_privileges", &Bolt::no_new_privileges, "Whether set-uid programs gain nothing."),
    });
    return description;
}

const Description& describe(const Container*)
{
    static auto const description = describe_as<Container>({
        field("capsule", &Container::capsule, "The [image.*] it starts from, or an image's reference.").required(),
        field("volumes", &Container::volumes,
              "SOURCE:TARGET[:ro]; a source with '.' or '/' in front is a path, else a named volume."),
        field("network", &Container::network, "The [network.*] it is on."),
        field("env", &Container::env, "Environment, on top of the image's."),
        field("ports", &Container::ports, "[ADDRESS:]HOST:CONTAINER[/udp]"),
        field("autostart", &Container::autostart, "Whether up starts it."),
        field("command", &Container::command, "Replaces the image's entrypoint."),
        field("args", &Container::args, "Replaces the image's command."),
        field("workdir", &Container::workdir, "Where it starts.").must_be(absolute_path()),
        field("user", &Container::user, "User id it runs as."),
        field("restart", &Container::restart, "When it is started again after it ended.")
            .one_of({"always", "on-failure", "never"}),
        field("hostname", &Container::hostname, "What it is called inside. Default: its name.").must_be(dns_label()),
        field("bolt", &Container::bolt, "Its limits."),
    });
    return description;
}

const Description& describe(const Network*)
{
    static auto const description = describe_as<Network>({
        field("type", &Network::type, "What carries it.").one_of({"bridge", "overlay", "host", "none"}),
        field("profile", &Network::profile, "How far it reaches. Default: external where interfaces are given, else nat.")
            .one_of({"internal", "external", "nat"}),
        field("interfaces", &Network::interfaces, "Links of the host that are put onto the bridge.")
            .must_be(link_name())
            .must_be(no_kernel_link()),
        field("driver", &Network::driver, "What carries an overlay: quic or vxlan."),
        field("dns", &Network::dns, "Whether the names of its workloads resolve."),
        field("subnet", &Network::subnet, "Its addresses. A host part names the gateway. Absent: Nova picks one."),
        field("gateway", &Network::gateway, "The bridge's own address. Default: the first of the subnet.")
            .must_be(ipv4_address()),
        field("dhcp_range", &Network::dhcp_range, "First and last address that DHCP gives, with '-' between."),
        field("uplink", &Network::uplink, "The link by which nat leaves the host. Absent: as the host routes.")
            .must_be(link_name())
            .must_be(no_kernel_link()),
        field("bridge", &Network::bridge, "Name of the link. Absent: the network's own name.")
            .must_be(link_name())
            .must_be(no_kernel_link()),
        field("stp", &Network::stp, "Whether the bridge runs the spanning tree protocol."),
    });
    return description;
}

const Description& describe(const Image*)
{
    static auto const description = describe_as<Image>({
        field("source", &Image::source, "An OCI layout directory, an OCI archive or a docker archive.").required(),
        field("reference", &Image::reference, "The name by which capsules ask for it. Default: its name with \":latest\"."),
    });
    return description;
}

const Description& describe(const StoragePool*)
{
    static auto const description = describe_as<StoragePool>({
        field("pool_type", &StoragePool::pool_type, "What holds it.").one_of({"directory", "btrfs", "nfs"}),
        field("directory", &StoragePool::directory, "Where it lies."),
        field("capacity", &StoragePool::capacity, "How much it may hold.").at_most(most_pool),
        field("default_format", &StoragePool::default_format, "Format of its disks.").one_of({"qcow2", "raw"}),
        field("auto_create", &StoragePool::auto_create, "Whether it is made where there is none."),
    });
    return description;
}

const Description& describe(const Root*)
{
    static auto const description = describe_as<Root>({
        field("project", &Root::project, "Groups what the file makes. Default: the directory's name.").must_be(dns_label()),
        field("vm", &Root::vms, "Virtual machines, by name."),
        field("container", &Root::containers, "Capsules, by name."),
        field("network", &Root::networks, "Networks, by name."),
        field("image", &Root::images, "Images to import, by name."),
        field("storage", &Root::pools, "Pools for disks, by name."),
    });
    return description;
}

} // namespace nova::model::novafile
