#include "model/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/kinds.h"

namespace nova::model {
namespace {

using testing::HasSubstr;

json kubectl_pod()
{
    return json::parse(
        R"({"apiVersion":"v1","kind":"Pod","metadata":{"creationTimestamp":null,"labels":{"run":"web"},"name":"web"},
        "spec":{"containers":[{"image":"web:latest","name":"web","resources":{}}],
        "dnsPolicy":"ClusterFirst","restartPolicy":"Always"},
        "status":{}})");
}

std::vector<std::string> problems_of(const std::string& kind, const json& object)
{
    std::vector<std::string> texts;
    auto const admitted = admit(*find_kind(kind), object);
    if (!admitted.ok())
        for (const auto& cause : admitted.error().causes())
            texts.push_back(to_string(cause));
    return texts;
}

json machine(const json& spec) { return {{"metadata", {{"name", "probe"}}}, {"spec", spec}}; }

json network(const json& spec) { return {{"metadata", {{"name", "lab"}}}, {"spec", spec}}; }

TEST(Kinds, are_found_by_what_people_type)
{
    for (auto const* name : {"vm", "vms", "virtualmachine", "VirtualMachines"})
        EXPECT_EQ(find_kind_by_any_name(name)->kind, "VirtualMachine") << name;
    EXPECT_EQ(find_kind_by_any_name("container")->kind, "Pod");
    EXPECT_EQ(find_kind_by_any_name("net")->kind, "Network");
    EXPECT_EQ(find_kind_by_any_name("car"), nullptr);
    EXPECT_EQ(find_resource("nanocloud.io", "v1", "networks")->kind, "Network");
    EXPECT_EQ(find_resource("", "v1", "networks"), nullptr);
}

TEST(Kinds, have_columns_from_their_description)
{
    std::vector<std::string> names;
    for (const auto& column : find_kind("VirtualMachine")->columns)
        names.push_back(column.name + " " + column.pointer + (column.priority > 0 ? " wide" : ""));
    EXPECT_THAT(names,
                testing::ElementsAre("NAME /metadata/name", "STATUS /status/phase", "ADDRESS /status/address", "CPU /spec/cpu",
                                     "MEMORY /spec/memory", "AGE /metadata/creationTimestamp", "NETWORK /spec/network wide",
                                     "PID /status/pid wide", "MAC /status/mac wide", "ACCELERATION /status/acceleration wide"));
}

TEST(Kinds, are_explained_with_defaults_and_rules)
{
    auto const explained = explain(*find_kind("VirtualMachine"));
    auto const spec = explained["fields"][1];
    ASSERT_EQ(spec["name"], "spec");
    auto const cpu = spec["fields"][0];
    EXPECT_EQ(cpu["default"], 2);
    EXPECT_EQ(cpu["rules"][0], "1 to 255");
    EXPECT_EQ(spec["fields"][1]["default"], "1Gi");
    EXPECT_EQ(spec["fields"][1]["rules"], nlohmann::json::array({"at least 16Mi", "at most 16Ti"}));
}

TEST(Admit, takes_what_kubectl_run_sends_and_fills_the_defaults)
{
    auto const pod = admit(*find_kind("Pod"), kubectl_pod()).value();
    EXPECT_EQ(pod["metadata"]["namespace"], "default");
    EXPECT_EQ(pod["spec"]["hostname"], "web");
    EXPECT_EQ(pod["spec"]["running"], true);
    EXPECT_EQ(pod["spec"]["terminationGracePeriodSeconds"], 10);
    EXPECT_EQ(pod["apiVersion"], "v1");
    EXPECT_FALSE(pod["spec"].contains("dnsPolicy"));
    EXPECT_EQ(admit(*find_kind("Pod"), pod).value(), pod) << "what is admitted is admitted again unchanged";
}

TEST(Admit, reads_every_field_of_a_container)
{
    auto pod = kubectl_pod();
    pod["spec"]["containers"][0].update(json::parse(R"({"env":[{"name":"A","value":""}],
        "resources":{"limits":{"memory":"64Mi","cpu":"500m"}},"ports":[{"containerPort":80,"hostPort":8080,"hostIP":"127.0.0.1"}],
        "volumeMounts":[{"name":"site","mountPath":"/www","readOnly":true},{"name":"data","mountPath":"/data"}],
        "securityContext":{"readOnlyRootFilesystem":true,"runAsUser":0,"noNewPrivileges":false}})"));
    pod["spec"]["volumes"] = json::parse(R"([{"name":"site","hostPath":{"path":"/srv/site"}},
        {"name":"data","persistentVolumeClaim":{"claimName":"data"}}])");
    auto const typed = from_json<Pod>(pod).value();
    const auto& container = typed.spec.containers[0];
    EXPECT_EQ(container.memory_limit->count, 64u << 20);
    EXPECT_DOUBLE_EQ(*container.cpu_limit, 0.5);
    EXPECT_EQ(container.run_as_user, 0);
    EXPECT_FALSE(container.no_new_privileges);
    EXPECT_EQ(typed.spec.volumes[0].host_path, "/srv/site");
    EXPECT_EQ(typed.spec.volumes[1].claim, "data");
    auto const printed = to_json(typed);
    EXPECT_EQ(printed["spec"]["containers"][0]["resources"]["limits"], (json{{"memory", "64Mi"}, {"cpu", "500m"}}));
    EXPECT_EQ(printed["spec"]["containers"][0]["securityContext"]["runAsUser"], 0);
    EXPECT_EQ(printed["spec"]["containers"][0]["securityContext"]["noNewPrivileges"], false);
    EXPECT_EQ(to_json(from_json<Pod>(printed).value()), printed);
}

TEST(Admit, writes_a_container_s_state_as_kubernetes_does)
{
    Pod pod;
    pod.meta.name = "web";
    auto& container = pod.spec.containers.emplace_back();
    container.name = container.image = "web";
    auto& ended = pod.status.containers.emplace_back();
    ended.name = "web";
    ended.state = "terminated";
    ended.exit_code = 0;
    ended.started = "2026-11-21T05:20:39Z";
    auto const status = to_json(pod)["status"]["containerStatuses"][0];
    EXPECT_EQ(status["state"], json::parse(R"({"terminated":{"exitCode":0,"startedAt":"2026-11-21T05:20:39Z"}})"));
    EXPECT_EQ(status["ready"], false);
    EXPECT_EQ(status["restartCount"], 0);
    auto const again = from_json<Pod>(to_json(pod)).value();
    EXPECT_EQ(again.status.containers, pod.status.containers);
}

TEST(Admit, names_each_thing_that_is_wrong_by_its_path)
{
    auto pod = kubectl_pod();
    pod["apiVersion"] = "v2";
    pod["metadata"]["name"] = "Web_1";
    pod["spec"]["volums"] = json::array();
    pod["spec"]["containers"][0]["image"] = 7;
    pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = "1Mi";
    pod["spec"]["containers"][0]["env"] = json::parse(R"([{"value":"x"}])");
    EXPECT_THAT(problems_of("Pod", pod),
                testing::UnorderedElementsAre("apiVersion: must be \"v1\"", HasSubstr("metadata.name: must be DNS labels"),
                                              "spec.volums: unknown field; did you mean \"volumes\"?",
                                              "spec.containers[0].image: must be a string, is 7",
                                              "spec.containers[0].resources.limits.memory: must be at least 6Mi, is 1Mi",
                                              "spec.containers[0].env[0].name: is required"));
}

TEST(Admit, holds_the_rules_between_the_fields_of_a_pod)
{
    auto pod = kubectl_pod();
    pod["spec"]["containers"][0]["volumeMounts"] = json::parse(R"([{"name":"gone","mountPath":"/a"}])");
    EXPECT_THAT(problems_of("Pod", pod),
                testing::ElementsAre("spec.containers[0].volumeMounts[0].name: there is no volume \"gone\""));
    pod = kubectl_pod();
    pod["spec"]["containers"].push_back({{"name", "two"}, {"image", "x"}});
    EXPECT_THAT(problems_of("Pod", pod), testing::ElementsAre(HasSubstr("spec.containers: must be exactly one")));
    pod["spec"]["containers"] = json::array();
    EXPECT_THAT(problems_of("Pod", pod), testing::ElementsAre("spec.containers: must not be empty"));
    pod = kubectl_pod();
    pod["spec"]["containers"][0]["ports"] =
        json::parse(R"([{"containerPort":80,"hostPort":1},{"containerPort":81,"hostPort":1}])");
    EXPECT_THAT(problems_of("Pod", pod), testing::ElementsAre("spec.containers[0].ports[1].hostPort: 1/TCP is published twice"));
    pod = kubectl_pod();
    pod["spec"]["volumes"] = json::parse(R"([{"name":"a"}])");
    EXPECT_THAT(problems_of("Pod", pod), testing::ElementsAre(HasSubstr("spec.volumes[0]: must have one of")));
}

TEST(Admit, holds_the_rules_of_a_machine)
{
    EXPECT_TRUE(problems_of("VirtualMachine", machine({{"kernel", "/k"}, {"initramfs", "/i"}})).empty());
    EXPECT_THAT(
        problems_of("VirtualMachine", machine({{"cpu", 0}, {"memory", "1Mi"}, {"kernel", "vmlinuz"}, {"acceleration", "fast"}})),
        testing::UnorderedElementsAre("spec.cpu: must be 1 to 255, is 0", "spec.memory: must be at least 16Mi, is 1Mi",
                                      HasSubstr("spec.kernel: must be an absolute path"),
                                      HasSubstr("spec.acceleration: must be one of auto, kvm, tcg")));
    EXPECT_THAT(problems_of("VirtualMachine", machine({{"cmdline", "quiet"}, {"cpu", 1}})),
                testing::UnorderedElementsAre(HasSubstr("spec.image: a machine needs"), "spec.cmdline: needs a kernel"));
    EXPECT_THAT(problems_of("VirtualMachine", machine({{"cpu", -1}, {"memory", 1.5}, {"running", "yes"}})),
                testing::UnorderedElementsAre(HasSubstr("spec.cpu: must be 0 to 4294967295, is -1"),
                                              HasSubstr("spec.memory: must be a size"),
                                              "spec.running: must be true or false, is \"yes\""));
    EXPECT_EQ(from_json<VirtualMachine>(machine({{"kernel", "/k"}})).value().spec.mac.substr(0, 6), "52:54:");
}

TEST(Admit, bounds_how_much_may_be_asked_for)
{
    EXPECT_TRUE(problems_of("VirtualMachine", machine({{"image", "/i"}, {"memory", "16Ti"}, {"diskSize", "64Ti"}})).empty());
    for (const auto& much : {json("99999Ti"), json("16385Gi"), json(9'210'000'000'000'000'000u), json(std::uint64_t{INT64_MAX})})
        EXPECT_THAT(problems_of("VirtualMachine", machine({{"kernel", "/k"}, {"memory", much}})),
                    testing::ElementsAre(HasSubstr("spec.memory: must be at most 16Ti, is ")))
            << much;
    for (const auto& much : {json("65Ti"), json(9'210'000'000'000'000'000u), json(std::uint64_t{INT64_MAX})})
        EXPECT_THAT(problems_of("VirtualMachine", machine({{"image", "/i"}, {"diskSize", much}})),
                    testing::ElementsAre(HasSubstr("spec.diskSize: must be at most 64Ti, is ")))
            << much;
    auto pod = kubectl_pod();
    auto const problems_of_limits = [&](const json& limits) {
        pod["spec"]["containers"][0]["resources"]["limits"] = limits;
        return problems_of("Pod", pod);
    };
    EXPECT_TRUE(problems_of_limits({{"memory", "16Ti"}, {"cpu", 512}}).empty());
    EXPECT_TRUE(problems_of_limits({{"memory", "6Mi"}, {"cpu", "10m"}}).empty());
    EXPECT_THAT(problems_of_limits({{"memory", "17Ti"}, {"cpu", "513"}}),
                testing::ElementsAre("spec.containers[0].resources.limits.memory: must be at most 16Ti, is 17Ti",
                                     "spec.containers[0].resources.limits.cpu: must be 10m to 512, is 513"));
    for (const auto& odd : {json("9m"), json(0), json(1e9), json(1e300)})
        EXPECT_THAT(problems_of_limits({{"cpu", odd}}), testing::ElementsAre(HasSubstr("limits.cpu: must be "))) << odd;
}

TEST(Admit, holds_the_rules_of_a_network)
{
    auto const lab = from_json<Network>(network({{"subnet", "10.88.0.1/24"}, {"dhcpRange", "10.88.0.50-10.88.0.150"}})).value();
    EXPECT_EQ(lab.spec.gateway, "10.88.0.1");
    EXPECT_TRUE(problems_of("Network", {{"metadata", {{"name", "lab"}}}}).empty()) << "all of spec has defaults";
    EXPECT_THAT(problems_of("Network", network({{"subnet", "10.0.0.0/31"}})),
                testing::ElementsAre(HasSubstr("spec.subnet: must be an IPv4 subnet")));
    EXPECT_THAT(problems_of("Network",
                            network({{"subnet", "10.0.0.0/24"}, {"gateway", "10.0.1.1"}, {"dhcpRange", "10.0.0.9-10.0.0.255"}})),
                testing::ElementsAre(HasSubstr("spec.gateway: 10.0.1.1 is no host's address"), HasSubstr("spec.dhcpRange: ")));
    for (const auto* reserved : {"0.1.0.0/16", "127.0.0.1/24", "169.254.0.0/16", "169.254.169.1/24", "169.0.0.0/8",
                                 "224.0.0.1/24", "240.0.0.0/8", "255.255.255.0/24"})
        EXPECT_THAT(problems_of("Network", network({{"subnet", reserved}})),
                    testing::ElementsAre(std::string{"spec.subnet: "} + reserved +
                                         " is reserved: take one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"));
    for (const auto* beside : {"169.253.0.1/16", "169.255.0.0/16", "126.0.0.0/8", "128.0.0.0/8", "223.255.255.0/24", "1.0.0.0/8"})
        EXPECT_TRUE(problems_of("Network", network({{"subnet", beside}})).empty()) << beside;
    EXPECT_THAT(problems_of("Network", network({{"dhcpRange", "10.0.0.9-10.0.0.8"}})),
                testing::ElementsAre(HasSubstr("spec.dhcpRange: the last address"), "spec.dhcpRange: needs a subnet"));
}

TEST(Admit, keeps_kinds_without_a_namespace_out_of_one)
{
    EXPECT_TRUE(problems_of("Node", {{"metadata", {{"name", "local"}}}}).empty());
    EXPECT_THAT(problems_of("Node", {{"metadata", {{"name", "local"}, {"namespace", "default"}}}}),
                testing::ElementsAre(HasSubstr("metadata.namespace")));
    EXPECT_EQ(key_of(*find_kind("Node"), {{"metadata", {{"name", "local"}}}}), (Key{"Node", "", "local"}));
}

TEST(Admit, survives_what_is_no_object)
{
    for (const auto& kind : kinds())
        for (const auto& odd :
             {json{}, json(7), json::array(), json("x"), json{{"metadata", 7}}, json{{"metadata", {{"name", nullptr}}}}})
            EXPECT_FALSE(admit(kind, odd).ok()) << kind.kind << odd;
}

TEST(Meta, is_read_and_written_alone)
{
    auto object = kubectl_pod();
    object["metadata"].update({{"resourceVersion", "42"}, {"uid", "u"}, {"finalizers", {"nova"}}, {"generation", 3}});
    auto meta = read_meta(object).value();
    EXPECT_EQ(meta.revision, 42u);
    EXPECT_EQ(meta.labels["run"], "web");
    meta.deleted = "2026-11-21T05:20:39Z";
    write_meta(object, meta);
    EXPECT_EQ(object["metadata"]["deletionTimestamp"], "2026-11-21T05:20:39Z");
    EXPECT_EQ(object["metadata"]["resourceVersion"], "42");
    EXPECT_EQ(object["metadata"]["finalizers"], json::array({"nova"}));
    EXPECT_FALSE(read_meta(json{{"metadata", {{"name", "a"}, {"resourceVersion", 42}}}}).ok());
    EXPECT_FALSE(read_meta(json{}).ok());
}

TEST(Labels, have_the_form_of_kubernetes)
{
    auto pod = kubectl_pod();
    pod["metadata"]["labels"] = {{"nanocloud.io/project", "lab"}, {"bad key", "x"}, {"a", "b c"}};
    EXPECT_THAT(problems_of("Pod", pod), testing::UnorderedElementsAre(HasSubstr("metadata.labels[bad key]: the key"),
                                                                       HasSubstr("metadata.labels[a]: must be")));
}

TEST(Image, has_an_object_name_made_from_its_reference)
{
    EXPECT_EQ(image_object_name("web"), "web-latest");
    EXPECT_EQ(image_object_name("lib/web:1.0"), "lib-web-1.0");
    auto const longest = std::string(63, 'a');
    for (const auto& reference :
         {longest, "lib/" + longest + ":" + longest, "web@sha256:" + std::string(64, 'f'), std::string{"a..b"},
          std::string{"web:1.-"}, std::string{"_"}, longest + ".-/x", std::string(255, 'a')}) {
        auto const name = image_object_name(reference);
        EXPECT_TRUE(base::is_dns_subdomain(name)) << reference << ": " << name;
        EXPECT_NE(name, image_object_name(reference + "x")) << reference;
    }
    EXPECT_EQ(image_object_name("lib/" + longest + ":1").substr(0, 10), "lib-aaaaaa");
    EXPECT_EQ(full_reference("localhost:5000/web"), "localhost:5000/web:latest");
    EXPECT_EQ(full_reference("web@sha256:ab"), "web@sha256:ab");
}

TEST(Event, carries_what_it_is_about)
{
    Event event;
    event.meta.name = "web.1";
    event.regarding = {"Pod", "default", "web"};
    event.reason = "Started";
    auto const printed = to_json(event);
    EXPECT_EQ(printed["involvedObject"], (json{{"kind", "Pod"}, {"namespace", "default"}, {"name", "web"}}));
    EXPECT_EQ(from_json<Event>(printed).value().regarding, event.regarding);
}

} // namespace
} // namespace nova::model
