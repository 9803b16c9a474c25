#include "apps/nebulon/metadata.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace nova::nebulon {
namespace {

constexpr auto of_the_manual = R"({
  "id": "nb-317d1158",
  "pid": 0,
  "status": "Created",
  "config": {
    "command": [
      "ping"
    ],
    "args": [
      "google"
    ],
    "env_vars": [],
    "working_dirs": "/",
    "hostname": "orca-container",
    "rootfs": "/var/lib/nebulon/rootfs",
    "uid": 1,
    "gid": 1
  }
}
)";

TEST(NebulonMetadata, has_the_form_of_nebulon_s_manual)
{
    auto const container = parse_container(of_the_manual).value();
    EXPECT_EQ(container.id, "nb-317d1158");
    EXPECT_EQ(container.config.command, "ping");
    EXPECT_EQ(container.config.args, std::vector<std::string>{"google"});
    EXPECT_EQ(container.config.uid, 1u);
    EXPECT_EQ(to_json(container), of_the_manual);
}

TEST(NebulonMetadata, keeps_volumes_and_limits)
{
    auto container = parse_container(of_the_manual).value();
    container.state = State::running;
    container.pid = 77;
    container.config.volumes = {{"/srv", "/data", true}, {"keep", "/keep", false}};
    container.config.memory = base::Bytes{64u << 20};
    container.config.cpus = 0.5;
    container.config.env = {"A=\"b\"\n"};
    auto const text = to_json(container);
    EXPECT_EQ(nlohmann::json::parse(text)["config"]["volumes"][0],
              (nlohmann::json{{"source", "/srv"}, {"target", "/data"}, {"read_only", true}}));
    EXPECT_EQ(to_json(parse_container(text).value()), text);
}

TEST(NebulonMetadata, that_is_damaged_is_refused_with_its_field)
{
    auto const whole = nlohmann::json::parse(of_the_manual);
    for (const char* const pointer :
         {"/id", "/pid", "/status", "/config", "/config/command", "/config/args", "/config/env_vars", "/config/working_dirs",
          "/config/hostname", "/config/rootfs", "/config/uid", "/config/gid"}) {
        auto broken = whole;
        broken[nlohmann::json::json_pointer{pointer}] = nullptr;
        auto const result = parse_container(broken.dump());
        ASSERT_FALSE(result.ok()) << pointer;
        EXPECT_NE(result.error().message().find(std::string{pointer}.substr(std::string{pointer}.rfind('/') + 1)),
                  std::string::npos)
            << result.error().message();
    }
    for (const auto* text : {"", "[]", "7", "{", R"({"id":"../../etc"})"})
        EXPECT_FALSE(parse_container(text).ok()) << text;
}

TEST(NebulonMetadata, takes_no_id_but_its_own_form)
{
    EXPECT_TRUE(check_id("nb-0123abcd").ok());
    for (const auto* id :
         {"", "nb-", "nb-0123abc", "nb-0123abcde", "nb-0123ABCD", "../0123abcd", "nb-../../ab", "nb-0123/bcd", "NB-01234567"})
        EXPECT_FALSE(check_id(id).ok()) << id;
}

TEST(NebulonMetadata, reads_volumes_as_they_are_written)
{
    auto const volume = parse_volume("/srv:/data:ro").value();
    EXPECT_EQ(volume.source + volume.target, "/srv/data");
    EXPECT_TRUE(volume.read_only);
    EXPECT_FALSE(parse_volume("keep:/keep").value().read_only);
    for (const auto* text : {"", "/srv", ":/data", "a:b:c", "/a:/b:ro:x"})
        EXPECT_FALSE(parse_volume(text).ok()) << text;
}

} // namespace
} // namespace nova::nebulon
