#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/description.h"

/// A NovaFile as it is written: its sections, field by field, before they become objects.
namespace nova::model::novafile {

/// [vm.N.storage]
struct VmStorage {
    std::string directory;
    std::string filename;
    std::string format = "qcow2";
    base::Bytes size;
    bool create_if_missing = true;
};

/// [vm.N.gpu]
struct VmGpu {
    std::string device_address;
    std::string mode;
    std::string romfile;
    bool multifunction = false;
    json audio_device;
    json usb_controller;
    bool x_vga = false;
    json display;
};

/// [vm.N.firmware]
struct VmFirmware {
    std::string boot_type = "legacy";
    bool secure_boot = false;
    std::string ovmf_code;
    std::string ovmf_vars;
};

/// [vm.N.tpm]
struct VmTpm {
    bool enabled = false;
    std::string version = "v2-0";
    std::string backend = "emulated";
};

/// [vm.N]
struct Vm {
    std::string image;
    std::uint32_t cpu = 2;
    base::Bytes memory{1ull << 30};
    base::Bytes disk_size;
    std::string kernel;
    std::string initramfs;
    std::string cmdline;
    std::string network;
    std::string mac;
    std::string acceleration = "auto";
    bool autostart = true;
    bool gpu_passthrough = false;
    std::string compliance_profile;
    VmStorage storage;
    std::optional<VmGpu> gpu;
    VmFirmware firmware;
    VmTpm tpm;
    json looking_glass;
    json disks;
    json cpu_pinning;
    json hugepages;
    json cloud_init;
    json snapshots;
};

/// [container.N.bolt]
struct Bolt {
    std::string isolation = "standard";
    bool gpu_access = false;
    std::vector<std::string> gpu_devices;
    std::optional<base::Bytes> memory_limit;
    std::optional<double> cpu_limit;
    std::string security_profile;
    std::string network_mode = "bridge";
    bool read_only = false;
    bool no_new_privileges = true;
};

/// [container.N]
struct Container {
    std::string capsule;
    std::vector<std::string> volumes;
    std::string network;
    std::map<std::string, Text> env;
    std::vector<std::string> ports;
    bool autostart = true;
    Words command;
    Words args;
    std::string workdir;
    Text user;
    std::string restart = "always";
    std::string hostname;
    Bolt bolt;
};

/// [network.N]
struct Network {
    std::string type = "bridge";
    std::optional<std::string> profile; ///< Default: external where interfaces are given, else nat.
    std::vector<std::string> interfaces;
    std::string driver;
    bool dns = true;
    std::string subnet;
    std::string gateway;
    std::string dhcp_range;
    std::string uplink;
    std::string bridge;
    bool stp = false;
};

/// [image.N]
struct Image {
    std::string source;
    std::string reference; ///< Default: "N:latest"
};

/// [storage.P]
struct StoragePool {
    std::string pool_type = "directory";
    std::string directory;
    base::Bytes capacity;
    std::string default_format = "qcow2";
    bool auto_create = true;
};

struct Root {
    std::string project;
    std::map<std::string, Vm> vms;
    std::map<std::string, Container> containers;
    std::map<std::string, Network> networks;
    std::map<std::string, Image> images;
    std::map<std::string, StoragePool> pools;
};

const Description& describe(const Root*);

/// Adds what the file asks for and this version can't do yet, where leaving it out in silence would lie.
void find_unsupported(const Root& root, Problems& unsupported);

/// Adds what is wrong between sections, and files that are named and missing. Relative paths start at `directory`.
void check_file(const Root& root, const std::string& directory, Problems& problems);

/// A path of the file, absolute and without "." and ".." steps.
std::string absolute(const std::string& path, const std::string& directory);

/// The image reference that a container's capsule means: that of an [image.*] of this name or reference, else itself.
std::string resolve_capsule(const Root& root, const std::string& capsule);
std::string reference_of(const std::string& name, const Image& image);

/// "8080:80", "127.0.0.1:8080:80/udp". Errors: invalid_argument.
struct Port {
    std::string host_ip;
    std::uint16_t host_port = 0;
    std::uint16_t container_port = 0;
    std::string protocol = "TCP";
};
base::Result<Port> parse_port(const std::string& text);

/// "./site:/www:ro", "data:/var/lib". Errors: invalid_argument.
struct VolumeUse {
    std::string source; ///< A path where is_path, else the name of a volume.
    bool is_path = false;
    std::string target;
    bool read_only = false;
};
base::Result<VolumeUse> parse_volume(const std::string& text);

/// The objects of the file: Images, Networks, Pods, VirtualMachines. Sections that have a problem already are left out; what
/// admission says of the others is added, under the names of the file's keys.
std::vector<json> to_objects(const Root& root, const std::string& directory, Problems& problems);

} // namespace nova::model::novafile
