#include "storage/manifest.h"

#include <gtest/gtest.h>

#include "storage/limits.h"

namespace nova::storage {
namespace {

using base::Code;

const std::string digest(64, 'a');

std::string entry(const std::string& more, char digit = 'a')
{
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:)" + std::string(64, digit) +
           "\"" + more + "}";
}

std::string index_of(const std::vector<std::string>& entries)
{
    std::string text;
    for (const auto& one : entries)
        text += (text.empty() ? "" : ",") + one;
    return R"({"schemaVersion":2,"manifests":[)" + text + "]}";
}

std::string platform(const std::string& os, const std::string& architecture)
{
    return R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture + "\"}";
}

std::string named(const std::string& name) { return R"(,"annotations":{"org.opencontainers.image.ref.name":")" + name + "\"}"; }

TEST(Index, gives_the_image_of_our_platform)
{
    auto const index = parse_index(index_of({entry(platform("linux", "arm64"), 'a'), entry(platform("linux", "amd64"), 'b'),
                                             entry(platform("unknown", "unknown"), 'c')}));
    ASSERT_TRUE(index.ok()) << index.error().message();
    EXPECT_EQ(choose(index.value(), "web:latest").value().digest, std::string(64, 'b'));
}

TEST(Index, without_our_platform_has_nothing_for_us)
{
    auto const index = parse_index(index_of({entry(platform("linux", "arm64")), entry(platform("windows", "amd64"))})).value();
    EXPECT_EQ(choose(index, "web:latest").error().message(), "the archive holds no image for linux/amd64");
    EXPECT_FALSE(choose(std::vector<Descriptor>{}, "web:latest").ok());
}

TEST(Index, of_several_images_gives_the_one_of_that_name_or_asks)
{
    auto const index = parse_index(index_of({entry(named("v1"), 'a'), entry(named("docker.io/library/web:v2"), 'b')})).value();
    EXPECT_EQ(choose(index, "web:v1").value().digest, std::string(64, 'a'));
    EXPECT_EQ(choose(index, "web:v2").value().digest, std::string(64, 'b'));
    EXPECT_EQ(choose(index, "web:v3").error().message(),
              R"(the archive holds several images, and none is named web:v3: "docker.io/library/web:v2", "v1")");
}

TEST(Manifest, names_what_is_wrong)
{
    auto const config = R"({"mediaType":"application/vnd.oci.image.config.v1+json","size":1,"digest":"sha256:)" + digest + "\"}";
    auto const message = [](const std::string& text) { return parse_manifest(text).error().message(); };
    EXPECT_TRUE(parse_manifest(R"({"config":)" + config + R"(,"layers":[]})").ok());
    EXPECT_EQ(message("nonsense"), "no JSON object");
    EXPECT_EQ(message("[]"), "must be an object");
    EXPECT_EQ(message(R"({"layers":[]})"), "config: must be an object");
    EXPECT_EQ(message(R"({"config":)" + config + "}"), "layers: must be a list");
    EXPECT_EQ(message(R"({"mediaType":"application/x","config":1})"), "mediaType: is of no known kind: \"application/x\"");
    EXPECT_EQ(message(R"({"config":)" + config + R"(,"layers":[{"digest":"md5:1","size":1}]})"),
              "layers[0].digest: no digest of the form sha256:<64 hex digits>: \"md5:1\"");
    EXPECT_EQ(message(R"({"config":)" + config + R"(,"layers":[{"digest":"sha256:)" + digest + R"(","size":-1}]})"),
              "layers[0].size: must be a whole number, 0 or more");
    EXPECT_EQ(message(R"({"config":)" + config + R"(,"layers":[)" + config + "]}"),
              "layers[0].mediaType: is of no known kind: \"application/vnd.oci.image.config.v1+json\"");
}

TEST(Json, has_limits)
{
    EXPECT_EQ(parse_index(std::string(limits::json_bytes + 1, ' ')).error().code(), Code::resource_exhausted);
    EXPECT_EQ(parse_index(std::string(1000000, '[')).error().code(), Code::resource_exhausted);
    std::string nested = "1";
    for (int i = 0; i <= limits::json_depth; ++i)
        nested = R"({"a":)" + nested + "}";
    EXPECT_EQ(parse_manifest(nested).error().code(), Code::resource_exhausted);
    std::string const in_a_string(1000, '[');
    EXPECT_EQ(parse_manifest(R"({"a":")" + in_a_string + "\"}").error().code(), Code::invalid_argument);
    EXPECT_EQ(parse_index(index_of(std::vector<std::string>(limits::manifests + 1, "{}"))).error().code(),
              Code::resource_exhausted);
}

std::string record(const std::string& config)
{
    return R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:)" + digest +
           R"("]},"config":)" + config + "}";
}

TEST(ImageRecord, says_how_the_image_wants_to_be_run)
{
    auto const found =
        parse_image_record(record(R"({"Entrypoint":["/a"],"Cmd":["b","c"],"Env":["K=V"],"WorkingDir":"/w","User":"u:g",
                                                     "StopSignal":"SIGINT","Labels":{"k":"v"},"ExposedPorts":{"80/tcp":{}}})"));
    ASSERT_TRUE(found.ok()) << found.error().message();
    EXPECT_EQ(found.value().diff_ids, std::vector<std::string>{digest});
    EXPECT_EQ(found.value().config.entrypoint, std::vector<std::string>{"/a"});
    EXPECT_EQ(found.value().config.command, (std::vector<std::string>{"b", "c"}));
    EXPECT_EQ(found.value().config.env, std::vector<std::string>{"K=V"});
    EXPECT_EQ(found.value().config.working_dir, "/w");
    EXPECT_EQ(found.value().config.user, "u:g");
    EXPECT_EQ(found.value().config.stop_signal, "SIGINT");
    EXPECT_EQ(found.value().config.labels.at("k"), "v");
}

TEST(ImageRecord, may_say_nothing)
{
    EXPECT_TRUE(parse_image_record(record("null")).ok());
    EXPECT_TRUE(parse_image_record(record(R"({"Entrypoint":null,"Cmd":null,"Labels":null})")).ok());
}

TEST(ImageRecord, names_what_is_wrong)
{
    EXPECT_EQ(parse_image_record(record(R"({"Entrypoint":"/a"})")).error().message(),
              "config.Entrypoint: must be a list of strings");
    EXPECT_EQ(parse_image_record(record(R"({"Env":["A=B",7]})")).error().message(), "config.Env[1]: must be a string");
    EXPECT_EQ(parse_image_record(record(R"({"Cmd":["a\u0000b"]})")).error().message(), "config.Cmd[0]: has a NUL in it");
    EXPECT_EQ(parse_image_record(record(R"({"Labels":{"k":1}})")).error().message(), "config.Labels.k: must be a string");
    EXPECT_EQ(parse_image_record("{}").error().message(), "rootfs: must be an object");
}

TEST(DockerManifest, gives_the_image_of_that_name)
{
    auto const images =
        parse_docker_manifest(R"([{"Config":"a.json","RepoTags":["docker.io/library/web:v1"],"Layers":["a/layer.tar"]},
                                                  {"Config":"b.json","RepoTags":null,"Layers":[]}])");
    ASSERT_TRUE(images.ok()) << images.error().message();
    EXPECT_EQ(choose(images.value(), "web:v1").value().config, "a.json");
    EXPECT_FALSE(choose(images.value(), "other:v2").ok());
    EXPECT_EQ(choose({images.value()[1]}, "other:v2").value().config, "b.json") << "a single one needs no name";
    EXPECT_FALSE(parse_docker_manifest("{}").ok());
    EXPECT_FALSE(parse_docker_manifest("[{}]").ok());
    EXPECT_FALSE(parse_docker_manifest("[1]").ok());
}

TEST(Reference, has_a_tag_and_names_a_file_of_the_store_only)
{
    EXPECT_EQ(full_reference("web").value(), "web:latest");
    EXPECT_EQ(full_reference("host:5000/team/web").value(), "host:5000/team/web:latest");
    EXPECT_EQ(full_reference("web:v1").value(), "web:v1");
    for (const auto& bad : {std::string{}, std::string{"../web"}, std::string{"/web"}, std::string{"web:"}, std::string{"a b"},
                            std::string{"a\nb"}, std::string{"a%2Fb"}, std::string{":x"}, std::string(201, 'a')})
        EXPECT_EQ(full_reference(bad).error().code(), Code::invalid_argument) << bad;
}

} // namespace
} // namespace nova::storage
