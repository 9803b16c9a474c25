#include <filesystem>

#include "base/strings.h"
#include "model/cidr.h"
#include "model/kernel_file.h"
#include "model/kinds.h"
#include "model/novafile_sections.h"

namespace nova::model::novafile {
namespace {

using base::Code;
using base::Error;

constexpr auto later = "is not supported yet in this version";

/// Whether something that is switched on by `enabled` is switched on.
bool is_on(const json& table)
{
    if (!table.is_object())
        return !table.is_null() && table != false;
    return !table.contains("enabled") || table["enabled"] != false;
}

void find_unsupported_of(const Vm& vm, Problems& unsupported)
{
    auto const note = [&](bool asked, const char* key) {
        if (asked)
            unsupported.add_at(key, later);
    };
    note(vm.gpu_passthrough, "gpu_passthrough");
    note(vm.gpu.has_value(), "gpu");
    note(!vm.compliance_profile.empty(), "compliance_profile");
    note(!vm.storage.directory.empty(), "storage.directory");
    note(!vm.storage.filename.empty(), "storage.filename");
    note(vm.storage.format == "raw", "storage.format");
    note(vm.firmware.boot_type == "uefi", "firmware.boot_type");
    note(vm.firmware.secure_boot, "firmware.secure_boot");
    note(!vm.firmware.ovmf_code.empty(), "firmware.ovmf_code");
    note(!vm.firmware.ovmf_vars.empty(), "firmware.ovmf_vars");
    note(vm.tpm.enabled, "tpm");
    note(is_on(vm.looking_glass), "looking_glass");
    note(!vm.disks.empty(), "disks");
    note(!vm.cpu_pinning.empty(), "cpu_pinning");
    note(is_on(vm.hugepages), "hugepages");
    note(!vm.cloud_init.empty(), "cloud_init");
    note(!vm.snapshots.empty(), "snapshots");
}

void find_unsupported_of(const Container& container, Problems& unsupported)
{
    if (container.bolt.isolation != "standard")
        unsupported.add_at("bolt.isolation", later);
    if (container.bolt.gpu_access || !container.bolt.gpu_devices.empty())
        unsupported.add_at(container.bolt.gpu_access ? "bolt.gpu_access" : "bolt.gpu_devices", later);
    if (!container.bolt.security_profile.empty())
        unsupported.add_at("bolt.security_profile", later);
    if (container.bolt.network_mode == "quic")
        unsupported.add_at("bolt.network_mode", later);
}

/// Calls use(name, section) for each section of a map, with its path entered.
template <typename Section, typename Use>
void for_each_section(const std::string& kind, const std::map<std::string, Section>& sections, Problems& problems, Use use)
{
    auto const step = problems.inside(kind);
    for (const auto& [name, section] : sections) {
        auto const below = problems.inside_key(name);
        use(name, section);
    }
}

template <typename Section>
std::vector<std::string> names_of(const std::map<std::string, Section>& sections)
{
    std::vector<std::string> names;
    for (const auto& [name, section] : sections)
        names.push_back(name);
    return names;
}

void check_names(const Root& root, Problems& problems)
{
    auto const check = [&](const std::string& name, const auto&) {
        if (!base::is_dns_label(name))
            problems.add("the name must be a DNS label: a-z, 0-9 and '-', at most 63 characters");
    };
    for_each_section("vm", root.vms, problems, check);
    for_each_section("container", root.containers, problems, check);
    for_each_section("network", root.networks, problems, check);
    for_each_section("image", root.images, problems, check);
    for_each_section("storage", root.pools, problems, check);
    // Both kinds get a name on their networks, and a name must mean one of them.
    for_each_section("vm", root.vms, problems, [&](const std::string& name, const Vm& vm) {
        auto const twin = root.containers.find(name);
        if (twin != root.containers.end() && !vm.network.empty() && twin->second.network == vm.network)
            problems.add("a container on the same network has this name too, so that it can't be resolved");
    });
}

void check_network_use(const Root& root, const std::string& network, Problems& problems)
{
    if (!network.empty() && !root.networks.contains(network))
        problems.add_at("network", "there is no [network." + network + "]" + did_you_mean(network, names_of(root.networks)));
}

void check_missing(const char* key, const std::string& path, const std::string& directory, Problems& problems)
{
    if (path.empty() || path.find('\0') != std::string::npos)
        return;
    auto const place = absolute(path, directory);
    std::error_code failure;
    if (!std::filesystem::exists(place, failure))
        problems.add_at(key, "there is no file " + place + (failure ? " (" + failure.message() + ")" : ""));
}

/// A kernel, an initramfs or a disk, which no directory can be.
void check_missing_file(const char* key, const std::string& path, const std::string& directory, Problems& problems)
{
    std::error_code failure;
    if (!path.empty() && path.find('\0') == std::string::npos &&
        std::filesystem::is_directory(absolute(path, directory), failure))
        problems.add_at(key, absolute(path, directory) + " is a directory");
    else
        check_missing(key, path, directory, problems);
}

void check_kernel(const std::string& path, const std::string& directory, Problems& problems)
{
    check_missing_file("kernel", path, directory, problems);
    if (path.empty() || path.find('\0') != std::string::npos)
        return;
    auto const place = absolute(path, directory);
    if (auto const fault = find_kernel_fault(place); !fault.empty())
        problems.add_at("kernel", place + " " + fault);
}

void check_machine(const Root& root, const Vm& vm, const std::string& directory, Problems& problems)
{
    check_network_use(root, vm.network, problems);
    auto const network = root.networks.find(vm.network);
    if (network != root.networks.end() && (network->second.type == "host" || network->second.type == "none"))
        problems.add_at("network", "a machine can't be on a network of type \"" + network->second.type + "\"");
    check_missing_file("image", vm.image, directory, problems);
    check_kernel(vm.kernel, directory, problems);
    check_missing_file("initramfs", vm.initramfs, directory, problems);
    if (vm.disk_size.count > 0 && vm.storage.size.count > 0 && vm.disk_size != vm.storage.size)
        problems.add_at("storage.size", "differs from disk_size");
}

void check_container(const Root& root, const Container& container, const std::string& directory, Problems& problems)
{
    check_network_use(root, container.network, problems);
    if (container.network.empty() && container.bolt.network_mode == "bridge" && !container.ports.empty())
        problems.add_at("ports", "needs a network");
    if (container.bolt.network_mode == "host" && !container.ports.empty())
        problems.add_at("ports", "means nothing with network_mode \"host\": every port is the host's");
    if (container.bolt.network_mode == "host" && !container.network.empty())
        problems.add_at("network", "can't be combined with network_mode \"host\"");
    for (std::size_t i = 0; i < container.volumes.size(); ++i) {
        auto const volume = parse_volume(container.volumes[i]);
        if (!volume.ok())
            problems.add_at(element_path("volumes", i), volume.error().message());
        else if (volume.value().is_path)
            check_missing(element_path("volumes", i).c_str(), volume.value().source, directory, problems);
    }
    auto const& user = container.user.text;
    if (!user.empty() && !base::parse_integer(user, 0, 4294967294).ok())
        problems.add_at("user", "must be the number of a user, is \"" + user.substr(0, 60) + "\"");
}

bool clash(const Port& one, const Port& other)
{
    return one.host_port == other.host_port && one.protocol == other.protocol &&
           (one.host_ip == other.host_ip || one.host_ip.empty() || other.host_ip.empty());
}

void check_ports(const Root& root, Problems& problems)
{
    std::vector<std::pair<std::string, Port>> taken;
    for_each_section("container", root.containers, problems, [&](const std::string&, const Container& container) {
        for (std::size_t i = 0; i < container.ports.size(); ++i) {
            auto const step = problems.inside(element_path("ports", i));
            auto const port = parse_port(container.ports[i]);
            if (!port.ok()) {
                problems.add(port.error().message());
                continue;
            }
            for (const auto& [where, other] : taken)
                if (clash(port.value(), other)) {
                    problems.add("port " + std::to_string(other.host_port) + "/" + other.protocol + " of the host is taken by " +
                                 where);
                    break;
                }
            taken.emplace_back(problems.path(), port.value());
        }
    });
}

void check_overlaps(const Root& root, Problems& problems)
{
    std::vector<std::pair<std::string, Subnet>> taken;
    for_each_section("network", root.networks, problems, [&](const std::string& name, const Network& network) {
        auto const subnet = parse_subnet(network.subnet);
        if (!subnet.ok())
            return;
        for (const auto& [other_name, other] : taken)
            if (subnet.value().overlaps(other))
                problems.add_at("subnet", to_string(subnet.value().canonical()) + " overlaps " + to_string(other.canonical()) +
                                              " of network." + other_name);
        taken.emplace_back(name, subnet.value());
    });
}

/// A bridge belongs to one network, and a link of the host can be on one bridge.
void check_links(const Root& root, Problems& problems)
{
    std::map<std::string, std::string> bridges;
    std::map<std::string, std::string> ports;
    for_each_section("network", root.networks, problems, [&](const std::string& name, const Network& network) {
        if (auto const [there, is_new] = bridges.emplace(network.bridge, name); !is_new && !network.bridge.empty())
            problems.add_at("bridge", "is the bridge of network." + there->second);
        for (std::size_t i = 0; i < network.interfaces.size(); ++i)
            if (auto const [there, is_new] = ports.emplace(network.interfaces[i], name); !is_new)
                problems.add_at(element_path("interfaces", i), "is on the bridge of network." + there->second);
    });
}

void check_images(const Root& root, const std::string& directory, Problems& problems)
{
    std::map<std::string, std::string> taken;
    for_each_section("image", root.images, problems, [&](const std::string& name, const Image& image) {
        check_missing("source", image.source, directory, problems);
        auto const [other, is_new] = taken.emplace(image_object_name(reference_of(name, image)), name);
        if (!is_new)
            problems.add_at("reference", "is the same as that of image." + other->second);
    });
}

Error not_a_port(const std::string& text)
{
    return Error{Code::invalid_argument,
                 "must be [ADDRESS:]HOST:CONTAINER[/udp] with ports of 1 to 65535, is \"" + text.substr(0, 60) + "\""};
}

} // namespace

base::Result<Port> parse_port(const std::string& text)
{
    auto const halves = base::split(text, '/');
    auto const parts = base::split(halves[0], ':');
    if (halves.size() > 2 || (halves.size() == 2 && halves[1] != "udp" && halves[1] != "tcp") || parts.size() < 2 ||
        parts.size() > 3)
        return not_a_port(text);
    auto const host = base::parse_integer(parts[parts.size() - 2], 1, 65535);
    auto const container = base::parse_integer(parts.back(), 1, 65535);
    if (!host.ok() || !container.ok())
        return not_a_port(text);
    Port port;
    port.host_port = static_cast<std::uint16_t>(host.value());
    port.container_port = static_cast<std::uint16_t>(container.value());
    port.protocol = halves.size() == 2 && halves[1] == "udp" ? "UDP" : "TCP";
    if (parts.size() == 3) {
        auto const address = TRY(parse_ipv4(parts[0]));
        port.host_ip = address.number == 0 ? "" : parts[0];
    }
    return port;
}

base::Result<VolumeUse> parse_volume(const std::string& text)
{
    auto const parts = base::split(text, ':');
    if (parts.size() < 2 || parts.size() > 3 || (parts.size() == 3 && parts[2] != "ro" && parts[2] != "rw") || parts[0].empty())
        return Error{Code::invalid_argument, "must be SOURCE:TARGET[:ro], is \"" + text.substr(0, 80) + "\""};
    if (!parts[1].starts_with('/'))
        return Error{Code::invalid_argument, "the target must be an absolute path, is \"" + parts[1].substr(0, 80) + "\""};
    VolumeUse use{parts[0], parts[0].starts_with('.') || parts[0].starts_with('/'), parts[1],
                  parts.size() == 3 && parts[2] == "ro"};
    if (!use.is_path && !base::is_dns_label(use.source))
        return Error{Code::invalid_argument,
                     "\"" + use.source.substr(0, 80) +
                         "\" is neither a path (begin it with ./ or /) nor a volume's name (a DNS label)"};
    return use;
}

std::string absolute(const std::string& path, const std::string& directory)
{
    auto place = (std::filesystem::path{directory} / path).lexically_normal().string();
    if (place.size() > 1 && place.ends_with('/'))
        place.pop_back();
    return place;
}

std::string reference_of(const std::string& name, const Image& image)
{
    return full_reference(image.reference.empty() ? name : image.reference);
}

std::string resolve_capsule(const Root& root, const std::string& capsule)
{
    if (auto const named = root.images.find(capsule); named != root.images.end())
        return reference_of(named->first, named->second);
    return full_reference(capsule);
}

void check_file(const Root& root, const std::string& directory, Problems& problems)
{
    check_names(root, problems);
    check_images(root, directory, problems);
    check_overlaps(root, problems);
    check_links(root, problems);
    for_each_section("container", root.containers, problems, [&](const std::string&, const Container& container) {
        check_container(root, container, directory, problems);
    });
    check_ports(root, problems);
    for_each_section("vm", root.vms, problems,
                     [&](const std::string&, const Vm& vm) { check_machine(root, vm, directory, problems); });
}

void find_unsupported(const Root& root, Problems& unsupported)
{
    for_each_section("vm", root.vms, unsupported,
                     [&](const std::string&, const Vm& vm) { find_unsupported_of(vm, unsupported); });
    for_each_section("container", root.containers, unsupported,
                     [&](const std::string&, const Container& container) { find_unsupported_of(container, unsupported); });
    for_each_section("network", root.networks, unsupported, [&](const std::string&, const Network& network) {
        if (network.type == "overlay")
            unsupported.add_at("type", std::string{"\"overlay\" "} + later);
    });
    for_each_section("storage", root.pools, unsupported, [&](const std::string&, const StoragePool&) { unsupported.add(later); });
}

} // namespace nova::model::novafile
