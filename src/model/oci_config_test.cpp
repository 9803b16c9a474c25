#include "model/oci_config.h"

#include <gtest/gtest.h>

#include "model/json_reader.h"

namespace nova::model {
namespace {

std::string problem(const std::string& text)
{
    auto const result = oci::parse_config(text);
    return result.ok() ? "" : result.error().message();
}

TEST(JsonReader, decodes_escapes_and_keeps_the_source)
{
    auto const document = JsonDocument::parse(R"( {"a\u0041" : "x\n\ud83d\ude00" , "n":[1, true,null]} )").value();
    auto const first = document.root().first();
    EXPECT_EQ(first.key(), "aA");
    EXPECT_EQ(first.text(), "x\n\xf0\x9f\x98\x80");
    EXPECT_EQ(first.next().source(), "[1, true,null]");
}

TEST(JsonReader, refuses_what_is_no_json)
{
    for (const char* const text :
         {"", "{", "[1,]", "{\"a\":1,}", "01", "1.", "\"\\ud800\"", "\"\x01\"", "tru", "{} x", "[1 2]", "-"})
        EXPECT_FALSE(JsonDocument::parse(text).ok()) << text;
    EXPECT_FALSE(JsonDocument::parse(std::string(1000, '[')).ok());
}

TEST(OciConfig, reads_fields_and_passes_unknown_ones_over)
{
    auto const config = oci::parse_config(R"({"ociVersion":"1.2.0","root":{"path":"r","readonly":true},"new":{"x":1},
        "process":{"cwd":"/","args":["a"],"user":{"uid":5}},"linux":{"resources":{"memory":{"limit":-1}}}})");
    ASSERT_TRUE(config.ok()) << config.error().message();
    EXPECT_EQ(config.value().process->user.uid, 5u);
    EXPECT_EQ(config.value().platform.resources.memory.limit, -1);
    EXPECT_TRUE(config.value().read_only_rootfs);
}

TEST(OciConfig, names_the_field_that_is_wrong)
{
    EXPECT_EQ(problem(R"({})"), "ociVersion: is missing");
    EXPECT_EQ(problem(R"({"ociVersion":"1.0.0"})"), "root: is missing");
    EXPECT_EQ(problem(R"({"ociVersion":"1.0.0","root":{"path":"r"},"mounts":[{"destination":"/a"},{}]})"),
              "mounts[1].destination: is missing");
    EXPECT_EQ(problem(R"({"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"resources":{"unified":{"../x":"1"}}}})"),
              "linux.resources.unified: must be keyed by files of a cgroup, not \"../x\"");
}

} // namespace
} // namespace nova::model
