#include "base/strings.h"
#include "model/kinds.h"
#include "model/novafile_sections.h"

namespace nova::model::novafile {
namespace {

std::string snake_case(std::string_view camel)
{
    std::string snake;
    for (char const character : camel) {
        if (character >= 'A' && character <= 'Z')
            snake += std::string{'_'} + static_cast<char>(character + ('a' - 'A'));
        else
            snake += character;
    }
    return snake;
}

/// Which key of a section says what a field of its object says: "spec.dhcpRange" -> "dhcp_range".
std::string key_of_field(std::string_view field)
{
    if (!field.starts_with("spec."))
        return "";
    field.remove_prefix(5);
    if (constexpr std::string_view container = "containers[0]."; field.starts_with(container))
        field.remove_prefix(container.size());
    static std::vector<std::pair<std::string, std::string>> const renamed{{"image", "capsule"},
                                                                          {"workingDir", "workdir"},
                                                                          {"resources.limits.memory", "bolt.memory_limit"},
                                                                          {"resources.limits.cpu", "bolt.cpu_limit"},
                                                                          {"securityContext.runAsUser", "user"},
                                                                          {"restartPolicy", "restart"}};
    for (const auto& [from, to] : renamed)
        if (field == from)
            return to;
    for (const auto& [from, to] :
         {std::pair{"volumeMounts[", "volumes"}, {"volumes[", "volumes"}, {"ports[", "ports"}, {"env[", ""}})
        if (field.starts_with(from)) {
            auto const open = field.find('[');
            return *to == 0 ? "env" : to + std::string{field.substr(open, field.find(']') + 1 - open)};
        }
    return snake_case(field);
}

class Maker {
public:
    Maker(const Root& root, const std::string& directory, Problems& problems)
        : root_(root), directory_(directory), problems_(problems)
    {}

    std::vector<json> make()
    {
        each("image", root_.images, "Image", [&](auto& name, auto& image) { return to_json(make_image(name, image)); });
        each("network", root_.networks, "Network",
             [&](auto& name, auto& network) { return to_json(make_network(name, network)); });
        each("container", root_.containers, "Pod",
             [&](auto& name, auto& container) { return to_json(make_pod(name, container)); });
        each("vm", root_.vms, "VirtualMachine", [&](auto& name, auto& vm) { return to_json(make_machine(name, vm)); });
        return std::move(objects_);
    }

private:
    template <typename Section, typename Make>
    void each(const std::string& section_kind, const std::map<std::string, Section>& sections, std::string_view kind, Make make)
    {
        auto const step = problems_.inside(section_kind);
        for (const auto& [name, section] : sections) {
            auto const below = problems_.inside_key(name);
            if (!problems_.any_below(problems_.path()))
                add(kind, make(name, section));
        }
    }

    void add(std::string_view kind, const json& object)
    {
        auto admitted = admit(*find_kind(kind), object);
        if (admitted.ok())
            return objects_.push_back(std::move(admitted).value());
        for (const auto& cause : admitted.error().causes()) {
            auto const key = key_of_field(cause.field);
            problems_.add_at(kind == "VirtualMachine" && key == "capsule" ? "image" : key, cause.message);
        }
    }

    Meta meta(const std::string& name) const
    {
        Meta meta;
        meta.name = name;
        meta.space = "default";
        meta.labels[project_label] = root_.project;
        return meta;
    }

    std::string path(const std::string& written) const { return written.empty() ? "" : absolute(written, directory_); }

    model::Image make_image(const std::string& name, const Image& image) const
    {
        model::Image object;
        object.spec.reference = reference_of(name, image);
        object.meta = meta(image_object_name(object.spec.reference));
        object.spec.source = path(image.source);
        return object;
    }

    model::Network make_network(const std::string& name, const Network& network) const
    {
        model::Network object;
        object.meta = meta(name);
        object.spec.type = network.type;
        object.spec.profile = network.profile.value_or(network.interfaces.empty() ? "nat" : "external");
        object.spec.subnet = network.subnet;
        object.spec.gateway = network.gateway;
        object.spec.dhcp_range = network.dhcp_range;
        object.spec.dns = network.dns;
        object.spec.interfaces = network.interfaces;
        object.spec.uplink = network.uplink;
        object.spec.driver = network.driver;
        object.spec.bridge = network.bridge;
        object.spec.stp = network.stp;
        return object;
    }

    model::Pod make_pod(const std::string& name, const Container& container) const
    {
        Pod pod;
        pod.meta = meta(name);
        pod.spec.hostname = container.hostname;
        pod.spec.running = container.autostart;
        pod.spec.restart_policy = container.restart == "always" ? "Always" : container.restart == "never" ? "Never" : "OnFailure";
        auto const network = root_.networks.find(container.network);
        auto const type = network == root_.networks.end() ? std::string{} : network->second.type;
        pod.spec.host_network = container.bolt.network_mode == "host" || type == "host";
        if (!pod.spec.host_network && type != "none")
            pod.spec.network = container.network;
        pod.spec.containers.push_back(make_container(name, container));
        add_volumes(container, pod.spec);
        return pod;
    }

    model::Container make_container(const std::string& name, const Container& from) const
    {
        model::Container container;
        container.name = name;
        container.image = resolve_capsule(root_, from.capsule);
        container.command = from.command.words;
        container.args = from.args.words;
        container.working_dir = from.workdir;
        container.memory_limit = from.bolt.memory_limit;
        container.cpu_limit = from.bolt.cpu_limit;
        container.read_only_root = from.bolt.read_only;
        container.no_new_privileges = from.bolt.no_new_privileges;
        if (!from.user.text.empty())
            container.run_as_user = base::parse_integer(from.user.text, 0, 4294967294).value_or(0);
        for (const auto& [key, value] : from.env)
            container.env.push_back({key, value.text});
        for (const auto& text : from.ports) {
            auto const port = parse_port(text).value_or({});
            container.ports.push_back({port.container_port, port.host_port, port.host_ip, port.protocol, ""});
        }
        return container;
    }

    /// The volume and the mount of one line get the same index, so that an error of either leads back to the line.
    void add_volumes(const Container& from, PodSpec& spec) const
    {
        for (std::size_t i = 0; i < from.volumes.size(); ++i) {
            auto const use = parse_volume(from.volumes[i]).value_or({});
            Volume volume;
            volume.name = "volume-" + std::to_string(i);
            (use.is_path ? volume.host_path : volume.claim) = use.is_path ? path(use.source) : use.source;
            spec.containers[0].volume_mounts.push_back({volume.name, use.target, use.read_only});
            spec.volumes.push_back(std::move(volume));
        }
    }

    VirtualMachine make_machine(const std::string& name, const Vm& vm) const
    {
        VirtualMachine machine;
        machine.meta = meta(name);
        machine.spec.cpu = vm.cpu;
        machine.spec.memory = vm.memory;
        machine.spec.image = path(vm.image);
        machine.spec.disk_size = vm.disk_size.count > 0 ? vm.disk_size : vm.storage.size;
        machine.spec.kernel = path(vm.kernel);
        machine.spec.initramfs = path(vm.initramfs);
        machine.spec.cmdline = vm.cmdline;
        machine.spec.network = vm.network;
        machine.spec.mac = vm.mac;
        machine.spec.acceleration = vm.acceleration;
        machine.spec.running = vm.autostart;
        return machine;
    }

    const Root& root_;
    const std::string& directory_;
    Problems& problems_;
    std::vector<json> objects_;
};

} // namespace

std::vector<json> to_objects(const Root& root, const std::string& directory, Problems& problems)
{
    return Maker{root, directory, problems}.make();
}

} // namespace nova::model::novafile
