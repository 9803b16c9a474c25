#include "model/novafile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/abort_guard_testing.h"
#include "model/kinds.h"

namespace nova::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// A directory with the files that the examples name.
class NovaFileTest : public testing::Test {
protected:
    NovaFileTest()
    {
        std::filesystem::create_directories(directory / "site");
        for (auto const* name : {"vmlinuz", "initrd.img", "web.tar", "disk.qcow2"})
            std::ofstream{directory / name} << "x";
        std::string kernel(4096, '\0'); // The least that says it is one.
        kernel.replace(0x1fe, 8, std::string("\x55\xaa\0\0HdrS", 8));
        std::ofstream{directory / "vmlinuz"} << kernel;
    }
    ~NovaFileTest() override { std::filesystem::remove_all(directory); }

    base::Result<NovaFile> parse(const std::string& text) const { return parse_novafile(text, "NovaFile", directory.string()); }

    std::vector<std::string> problems(const std::string& text) const
    {
        std::vector<std::string> texts;
        auto const parsed = parse(text);
        if (!parsed.ok())
            for (const auto& cause : parsed.error().causes())
                texts.push_back(to_string(cause));
        return texts;
    }

    template <typename K>
    K object(const NovaFile& file, const std::string& kind, const std::string& name) const
    {
        for (const auto& object : file.objects)
            if (object["kind"] == kind && object["metadata"]["name"] == name)
                return from_json<K>(object).value();
        ADD_FAILURE() << "there is no " << kind << " " << name;
        return {};
    }

    std::filesystem::path const directory =
        std::filesystem::path{testing::TempDir()} / ("novafile." + std::to_string(::getpid()));
    base::AbortGuard const guard{directory};
};

constexpr auto first_light = R"(project = "first-light"

[network.lab]
type = "bridge"
profile = "nat"
subnet = "10.88.0.1/24"
dhcp_range = "10.88.0.50-10.88.0.150"
dns = true

[image.web]
source = "web.tar"

[container.web]
capsule = "web"
command = "sh -c 'exec httpd -f'"
args = ["-p", "80"]
volumes = ["./site:/www:ro", "data:/var/lib/web"]
network = "lab"
ports = ["127.0.0.1:8080:80", "53:53/udp"]
env.API_KEY = "secret"
env.PORT = 80
user = 1000
restart = "on-failure"
bolt = { memory_limit = "64Mi", cpu_limit = "500m", read_only = true }

[vm.probe]
kernel = "vmlinuz"
initramfs = "initrd.img"
cmdline = "console=ttyS0"
cpu = 1
memory = "256Mi"
network = "lab"
autostart = false
storage.create_if_missing = true
)";

TEST_F(NovaFileTest, becomes_objects)
{
    auto const file = parse(first_light).value();
    EXPECT_EQ(file.project, "first-light");
    EXPECT_TRUE(file.unsupported.empty());
    ASSERT_EQ(file.objects.size(), 4u);
    for (const auto& object : file.objects)
        EXPECT_EQ(object["metadata"]["labels"][project_label], "first-light");

    auto const image = object<Image>(file, "Image", "web-latest");
    EXPECT_EQ(image.spec.reference, "web:latest");
    EXPECT_EQ(image.spec.source, (directory / "web.tar").string());
    EXPECT_EQ(object<Network>(file, "Network", "lab").spec.gateway, "10.88.0.1");

    auto const machine = object<VirtualMachine>(file, "VirtualMachine", "probe");
    EXPECT_EQ(machine.spec.kernel, (directory / "vmlinuz").string());
    EXPECT_FALSE(machine.spec.running);
    EXPECT_EQ(machine.spec.memory.count, 256u << 20);
}

TEST_F(NovaFileTest, becomes_a_pod_with_all_that_a_container_says)
{
    auto const pod = object<Pod>(parse(first_light).value(), "Pod", "web");
    const auto& container = pod.spec.containers.at(0);
    EXPECT_EQ(container.image, "web:latest");
    EXPECT_THAT(container.command, ElementsAre("sh", "-c", "exec httpd -f"));
    EXPECT_THAT(container.args, ElementsAre("-p", "80"));
    EXPECT_THAT(container.env, ElementsAre(EnvVar{"API_KEY", "secret"}, EnvVar{"PORT", "80"}));
    EXPECT_THAT(container.ports,
                ElementsAre(ContainerPort{80, 8080, "127.0.0.1", "TCP", ""}, ContainerPort{53, 53, "", "UDP", ""}));
    EXPECT_EQ(container.volume_mounts[0].mount_path, "/www");
    EXPECT_TRUE(container.volume_mounts[0].read_only);
    EXPECT_EQ(pod.spec.volumes[0].host_path, (directory / "site").string());
    EXPECT_EQ(pod.spec.volumes[1].claim, "data");
    EXPECT_EQ(container.memory_limit->count, 64u << 20);
    EXPECT_DOUBLE_EQ(*container.cpu_limit, 0.5);
    EXPECT_TRUE(container.read_only_root);
    EXPECT_TRUE(container.no_new_privileges);
    EXPECT_EQ(container.run_as_user, 1000);
    EXPECT_EQ(pod.spec.restart_policy, "OnFailure");
    EXPECT_EQ(pod.spec.network, "lab");
}

// The example of the original Nova, word for word.
constexpr auto seed_example = R"(project = "dev-lab"

[vm.win11]
image = "/var/lib/nova/images/win11.qcow2"
cpu = 8
memory = "16Gi"
gpu_passthrough = true
network = "bridge0"

[container.api]
capsule = "ubuntu:22.04"
volumes = ["./api:/srv/api"]
network = "nova-net"
env.API_KEY = "secret"

[network.bridge0]
type = "bridge"
interfaces = ["enp6s0"]

[network.nova-net]
type = "overlay"
driver = "quic"
dns = true
)";

TEST_F(NovaFileTest, knows_every_key_of_the_seed_s_example)
{
    EXPECT_THAT(problems(seed_example),
                UnorderedElementsAre(HasSubstr("NovaFile:4:1: vm.win11.image: there is no file"),
                                     HasSubstr("NovaFile:12:12: container.api.volumes[0]: there is no file")));
}

TEST_F(NovaFileTest, says_what_this_version_can_t_do_yet)
{
    std::string text = seed_example;
    text.replace(text.find("/var/lib/nova/images/win11.qcow2"), 32, "disk.qcow2");
    std::filesystem::create_directories(directory / "api");
    auto const file = parse(text).value();
    std::vector<std::string> unsupported;
    for (const auto& cause : file.unsupported)
        unsupported.push_back(to_string(cause));
    EXPECT_THAT(unsupported,
                ElementsAre("NovaFile:7:1: vm.win11.gpu_passthrough: is not supported yet in this version",
                            "NovaFile:21:1: network.nova-net.type: \"overlay\" is not supported yet in this version"));
    EXPECT_EQ(object<Network>(file, "Network", "bridge0").spec.profile, "external") << "a bridge over a link of the host";
    EXPECT_EQ(object<Pod>(file, "Pod", "api").spec.containers[0].image, "ubuntu:22.04");
}

TEST_F(NovaFileTest, knows_the_keys_of_later_versions)
{
    auto const file = parse(R"(
[vm.a]
image = "disk.qcow2"
disk_size = "20Gi"
acceleration = "tcg"
mac = "52:54:00:00:00:01"
compliance_profile = "windows11"
disks = [{ path = "x" }]
cpu_pinning = [1, 2]
hugepages = true
[vm.a.gpu]
device_address = "0000:01:00.0"
x_vga = true
[vm.a.storage]
format = "qcow2"
[vm.a.firmware]
boot_type = "uefi"
[vm.a.tpm]
enabled = true
version = "v2-0"
[vm.a.looking_glass]
enabled = false
[vm.a.cloud_init]
user_data = "x"
[storage.fast]
pool_type = "btrfs"
capacity = "1T"
)");
    ASSERT_TRUE(file.ok()) << file.error().message();
    EXPECT_EQ(file.value().unsupported.size(), 9u);
    EXPECT_EQ(file.value().project.substr(0, 9), "novafile-");
}

TEST_F(NovaFileTest, says_everything_that_is_wrong_with_its_place)
{
    EXPECT_THAT(problems(R"(projct = "x"
[vm.probe]
kernel = "gone"
cpu = "two"
memory = "1Qi"
network = "lap"
[vm.Bad_Name]
image = "disk.qcow2"
[container.web]
capsule = "web"
network = "lab"
ports = ["8080:80",
         "99999:80"]
memory = "1Gi"
[container.web.bolt]
memory_limit = "1Ki"
[network.lab]
type = "brigde"
subnet = "10.0.0.0/8"
[network.other]
subnet = "10.1.0.0/33"
dhcp_range = 7
)"),
                ElementsAre(HasSubstr("NovaFile:1:1: projct: unknown field; did you mean \"project\"?"),
                            HasSubstr("NovaFile:3:1: vm.probe.kernel: there is no file"),
                            "NovaFile:4:1: vm.probe.cpu: must be a whole number, is \"two\"",
                            HasSubstr("NovaFile:5:1: vm.probe.memory: \"1Qi\" is no size"),
                            "NovaFile:6:1: vm.probe.network: there is no [network.lap]; did you mean \"lab\"?",
                            HasSubstr("NovaFile:7:5: vm.Bad_Name: the name must be a DNS label"),
                            HasSubstr("NovaFile:13:10: container.web.ports[1]: must be [ADDRESS:]HOST:CONTAINER"),
                            HasSubstr("NovaFile:14:1: container.web.memory: unknown field"),
                            HasSubstr("NovaFile:16:1: container.web.bolt.memory_limit: must be at least 6Mi"),
                            HasSubstr("NovaFile:18:1: network.lab.type: must be one of bridge, overlay, host, none, is "
                                      "\"brigde\"; did you mean \"bridge\"?"),
                            HasSubstr("NovaFile:22:1: network.other.dhcp_range: must be a string, is 7")));
}

TEST_F(NovaFileTest, maps_what_admission_says_to_its_own_keys)
{
    EXPECT_THAT(problems("[network.a]\nsubnet = \"10.0.0.0/24\"\ndhcp_range = \"10.0.1.1-10.0.1.2\"\n"),
                ElementsAre(HasSubstr("NovaFile:3:1: network.a.dhcp_range: 10.0.1.1-10.0.1.2 is not inside")));
    EXPECT_THAT(problems("[network.b]\nsubnet = \"10.1.0.0/33\"\n"),
                ElementsAre(HasSubstr("NovaFile:2:1: network.b.subnet: must be")));
    EXPECT_THAT(problems("[vm.a]\ncmdline = \"x\"\nimage = \"disk.qcow2\"\n"),
                ElementsAre("NovaFile:2:1: vm.a.cmdline: needs a kernel"));
    EXPECT_THAT(problems("[vm.a]\ncpu = 2\n"), ElementsAre(HasSubstr("NovaFile:1:5: vm.a.image: a machine needs")));
    EXPECT_THAT(problems("[vm.a]\nkernel = \"vmlinuz\"\nmac = \"x\"\n"), ElementsAre(HasSubstr("NovaFile:3:1: vm.a.mac: ")));
    EXPECT_THAT(problems("[container.a]\ncapsule = \"x\"\nvolumes = [\"a:/x\", \"b:/x\"]\n"),
                ElementsAre(HasSubstr("NovaFile:3:20: container.a.volumes[1]: \"/x\" is taken")));
    EXPECT_THAT(problems("[container.a]\ncapsule = \"x\"\nbolt.cpu_limit = 1000\n"),
                ElementsAre(HasSubstr("NovaFile:3:6: container.a.bolt.cpu_limit: must be")));
    EXPECT_THAT(problems("[container.a]\nnetwork = \"n\"\n[network.n]\n"),
                ElementsAre("NovaFile:1:12: container.a.capsule: is required"));
}

TEST_F(NovaFileTest, bounds_how_much_may_be_asked_for)
{
    EXPECT_THAT(
        problems(R"([vm.a]
image = "disk.qcow2"
memory = "99999Ti"
cpu = 256
disk_size = "65Ti"
[container.b]
capsule = "x"
bolt = { memory_limit = "17Ti", cpu_limit = 513 }
[container.c]
capsule = "x"
user = 4294967295
bolt.cpu_limit = inf
[storage.d]
capacity = "17Pi"
[vm.e]
image = "disk.qcow2"
storage.size = 9223372036854775807
)"),
        ElementsAre(
            "NovaFile:3:1: vm.a.memory: must be at most 16Ti, is 99999Ti", "NovaFile:4:1: vm.a.cpu: must be 1 to 255, is 256",
            "NovaFile:5:1: vm.a.disk_size: must be at most 64Ti, is 65Ti",
            "NovaFile:8:10: container.b.bolt.memory_limit: must be at most 16Ti, is 17Ti",
            "NovaFile:8:33: container.b.bolt.cpu_limit: must be 10m to 512, is 513",
            HasSubstr("NovaFile:11:1: container.c.user: must be the number of a user"),
            HasSubstr("NovaFile:12:6: container.c.bolt.cpu_limit: must be a number of CPUs (2, \"1.5\", \"500m\"), is inf"),
            "NovaFile:14:1: storage.d.capacity: must be at most 16Pi, is 17Pi",
            "NovaFile:17:9: vm.e.storage.size: must be at most 64Ti, is 9223372036854775807"));
}

TEST_F(NovaFileTest, refuses_subnets_and_links_that_no_network_can_have)
{
    EXPECT_THAT(problems("[network.a]\nsubnet = \"169.254.7.1/24\"\n"),
                ElementsAre(HasSubstr("NovaFile:2:1: network.a.subnet: 169.254.7.1/24 is reserved")));
    EXPECT_THAT(problems(R"([network.a]
bridge = "lo"
[network.b]
bridge = "a-name-too-long-"
[network.c]
bridge = "a/b"
[network.d]
bridge = "a%d"
uplink = "lo"
[network.e]
interfaces = ["eth1", "lo"]
[network.f]
bridge = "default"
[network.g]
bridge = ".."
)"),
                ElementsAre(HasSubstr("NovaFile:2:1: network.a.bridge: must be another link than lo"),
                            HasSubstr("NovaFile:4:1: network.b.bridge: must be the name of a link (1 to 15 characters"),
                            HasSubstr("NovaFile:6:1: network.c.bridge: must be the name of a link"),
                            HasSubstr("NovaFile:8:1: network.d.bridge: must be the name of a link"),
                            HasSubstr("NovaFile:9:1: network.d.uplink: must be another link than lo"),
                            HasSubstr("NovaFile:11:23: network.e.interfaces[1]: must be another link than lo"),
                            HasSubstr("NovaFile:13:1: network.f.bridge: must be another link than lo"),
                            HasSubstr("NovaFile:15:1: network.g.bridge: must be the name of a link")));
    EXPECT_THAT(problems("[network.a]\nbridge = \"br0\"\n[network.b]\nbridge = \"br0\"\n"),
                ElementsAre("NovaFile:4:1: network.b.bridge: is the bridge of network.a"));
    EXPECT_THAT(problems("[network.a]\ninterfaces = [\"eth1\"]\n[network.b]\ninterfaces = [\"eth2\", \"eth1\"]\n"),
                ElementsAre("NovaFile:4:23: network.b.interfaces[1]: is on the bridge of network.a"));
}

TEST_F(NovaFileTest, holds_the_rules_between_sections)
{
    EXPECT_THAT(problems("[network.a]\nsubnet = \"10.0.0.0/8\"\n[network.b]\nsubnet = \"10.1.0.0/16\"\n"),
                ElementsAre("NovaFile:4:1: network.b.subnet: 10.1.0.0/16 overlaps 10.0.0.0/8 of network.a"));
    auto const two = [](const std::string& a, const std::string& b) {
        return "[network.n]\n[container.a]\ncapsule=\"x\"\nnetwork=\"n\"\nports=[\"" + a +
               "\"]\n[container.b]\ncapsule=\"x\"\nnetwork=\"n\"\nports=[\"" + b + "\"]\n";
    };
    EXPECT_THAT(problems(two("80:80", "127.0.0.1:80:80")),
                ElementsAre("NovaFile:9:8: container.b.ports[0]: port 80/TCP of the host is taken by container.a.ports[0]"));
    EXPECT_THAT(problems(two("80:80", "80:80/udp")), ElementsAre());
    EXPECT_THAT(problems(two("127.0.0.1:80:80", "127.0.0.2:80:80")), ElementsAre());
    EXPECT_THAT(problems("[image.a]\nsource=\"web.tar\"\n[image.b]\nsource=\"gone.tar\"\nreference=\"a\"\n"),
                ElementsAre(HasSubstr("image.b.source: there is no file"),
                            "NovaFile:5:1: image.b.reference: is the same as that of image.a"));
    EXPECT_THAT(problems("[container.a]\ncapsule=\"x\"\nports=[\"80:80\"]\n"),
                ElementsAre("NovaFile:3:1: container.a.ports: needs a network"));
}

TEST_F(NovaFileTest, says_where_it_is_no_toml)
{
    EXPECT_THAT(problems("a = 1\nb = = 2\n"), ElementsAre(HasSubstr("NovaFile:2:5: ")));
    EXPECT_THAT(problems("[vm.a]\ncpu = 1\ncpu = 2\n"), ElementsAre(HasSubstr("NovaFile:3:")));
    EXPECT_THAT(problems("a = \"\n"), ElementsAre(HasSubstr("NovaFile:1:")));
    EXPECT_THAT(problems(std::string("a = 1\n[\0", 8)), ElementsAre("NovaFile:2:2: a control character, or no UTF-8"));
    EXPECT_THAT(problems("a = 1\n[ = 1\n"), ElementsAre(HasSubstr("NovaFile:2:3: ")));
    EXPECT_THAT(problems("[network.ä]\n"), ElementsAre("NovaFile:1:10: a letter outside ASCII must stand in quotes"));
    EXPECT_THAT(problems("[vm.'ä'] # ü\n"), testing::Contains(HasSubstr("NovaFile:1:5: vm.ä: the name must be a DNS label")));
    EXPECT_THAT(problems("vm = 7\n"), ElementsAre("NovaFile:1:1: vm: must be an object, is 7"));
    EXPECT_THAT(problems("[vm]\na = 7\n"), ElementsAre("NovaFile:2:1: vm.a: must be an object"));
}

std::string repeated(const std::string& text, std::size_t times)
{
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

TEST_F(NovaFileTest, survives_what_is_deep_or_large)
{
    EXPECT_FALSE(parse("a = " + repeated("[", 200'000)).ok());
    EXPECT_FALSE(parse("a = " + repeated("{a=", 200'000)).ok());
    EXPECT_FALSE(parse(repeated("x", 10u << 20)).ok());
    EXPECT_THAT(problems("x = 'a.b'\n" + repeated("a.", 200'000) + "a = 1\n"),
                ElementsAre(HasSubstr("NovaFile:2:130: the key has more than 64 parts")));
    EXPECT_THAT(problems("[" + repeated("a . ", 200'000) + "a]\n"), ElementsAre(HasSubstr("parts")));
    EXPECT_THAT(problems("b = {" + repeated("'a'.", 200'000) + "a = 1}\n"), ElementsAre(HasSubstr("parts")));
    EXPECT_TRUE(
        parse("[container.a]\ncapsule = 'x' # " + repeated(".", 100) + "\nenv.X = '''" + repeated(".", 100) + "'''\n").ok());
    EXPECT_FALSE(parse(std::string("a = \"\0\"", 8)).ok());
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "k" + std::to_string(i) + " = 1\n";
    EXPECT_EQ(problems(many).size(), 100u) << "a hostile file gets a short answer";
}

TEST(ProjectName, is_read_from_a_file_with_errors)
{
    auto const text = "project = 'lab'\n[vm.a]\nkernel = 'gone'\nnonsense = 1\n";
    EXPECT_EQ(parse_project_name(text, "NovaFile", "/home/x").value_or(""), "lab");
    EXPECT_EQ(parse_project_name("[vm.a]\nkernel = 'gone'\n", "NovaFile", "/home/My Lab").value_or(""), "my-lab");
    EXPECT_FALSE(parse_project_name("project = 'no label'\n", "NovaFile", "/home/x").ok());
    EXPECT_FALSE(parse_project_name("project = 3\n", "NovaFile", "/home/x").ok());
}

TEST(NovaFileKeys, are_explained)
{
    auto const explained = explain_novafile();
    EXPECT_EQ(explained["fields"][1]["name"], "vm");
    EXPECT_EQ(explained["fields"][1]["fields"][1]["name"], "cpu");
    EXPECT_EQ(explained["fields"][1]["fields"][1]["default"], 2);
    EXPECT_EQ(explained["fields"][1]["fields"][2]["rules"], nlohmann::json::array({"at least 16Mi", "at most 16Ti"}));
}

} // namespace
} // namespace nova::model
