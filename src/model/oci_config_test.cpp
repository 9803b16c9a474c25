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
    std::string const deep(1000, '[');
    EXPECT_FALSE(JsonDocument::parse(deep).ok());
}

/// What it was asked about, one after the other.
std::string asked_about(const std::string& text, bool answer)
{
    std::string asked;
    KnownText const known{"l", "k", [&](std::string_view part) {
                              asked += std::string{part} + ";";
                              return answer;
                          }};
    auto const document = JsonDocument::parse(text, known);
    return document.ok() ? asked : "refused";
}

TEST(JsonReader, passes_over_an_object_whose_text_is_known)
{
    EXPECT_EQ(asked_about(R"({"l":{"k": {"a":"}\"\\","b":{"c":[{}]}} ,"x":1}})", true), R"({"a":"}\"\\","b":{"c":[{}]}};)");
    EXPECT_EQ(asked_about(R"({"l":{"k":{"k":{}}}, "l":{"k":{}}})", true), R"({"k":{}};{};)");
    EXPECT_EQ(asked_about(R"({"l":{"k":[],"k":"{}","k":1,"x":{}}})", true), "") << "no object";
    EXPECT_EQ(asked_about(R"({"l":{"\u006b":{}}})", true), "") << "a spelling that nobody uses";
    EXPECT_EQ(asked_about(R"({"l":{"k":{)", true), "refused");
    EXPECT_EQ(asked_about(R"({"l":{"k":{"}}})", true), "refused");
    EXPECT_EQ(asked_about(R"({"l":{"k":{"\)", true), "refused");
    EXPECT_EQ(asked_about(R"({"l":{"k":{}}}})", true), "refused");
    KnownText const known{"l", "k", [](std::string_view) { return true; }};
    std::string const text = R"({"l":{"k":{"a":1},"x":2}})";
    auto const document = JsonDocument::parse(text, known).value();
    auto const passed = document.root().first().first();
    EXPECT_TRUE(passed.is_known());
    EXPECT_EQ(passed.key(), "k");
    EXPECT_EQ(passed.source(), R"({"a":1})");
    EXPECT_EQ(passed.kind(), JsonValue::Kind::object);
    EXPECT_FALSE(passed.has_children());
    EXPECT_EQ(passed.next().text(), "2");
}

TEST(JsonReader, asks_for_that_one_member_and_a_few_times)
{
    EXPECT_EQ(asked_about(R"({"k":{},"x":{"k":{}},"l":[{"k":{}}],"l":{"x":{"k":{}}},"y":{"k":{}}})", true), "");
    EXPECT_EQ(asked_about(R"({"l":{"x":{"l":{"k":{}}}}})", true), "");
    std::string many = R"({"l":{"k":{})";
    for (int i = 0; i < 100; ++i)
        many += R"(,"k":{})";
    EXPECT_EQ(asked_about(many + "}}", true), "{};{};{};{};");
}

TEST(JsonReader, reads_objects_whose_text_is_not_known)
{
    EXPECT_EQ(asked_about(R"({"l":{"k":{"k":{}}}})", false), R"({"k":{}};)");
    EXPECT_EQ(asked_about(R"({"l":{"k":{"a":tru}}})", false), "refused");
}

TEST(OciConfig, takes_a_known_profile_by_its_text_alone)
{
    std::string const text = R"({"ociVersion":"1.2.0","root":{"path":"r"},"linux":{"seccomp":{"defaultAction":7}}})";
    EXPECT_EQ(problem(text), "linux.seccomp.defaultAction: must be a string");
    auto const config = oci::parse_config(text, [](std::string_view profile) { return profile == R"({"defaultAction":7})"; });
    ASSERT_TRUE(config.ok()) << config.error().message();
    EXPECT_TRUE(config.value().platform.seccomp->is_known);
    EXPECT_EQ(config.value().platform.seccomp->source, R"({"defaultAction":7})");
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

TEST(OciConfig, takes_every_release_of_version_1_and_no_other)
{
    for (const char* const good : {"1.0.0", "1.3.0", "1.1.0-rc.1", "1.99.1+x"})
        EXPECT_EQ(problem(R"({"ociVersion":")" + std::string{good} + R"("})"), "root: is missing") << good;
    for (const char* const bad : {"", "1", "1.", "1.x", "1.2", "1.2.x", "2.0.0", "0.9.0", "10.0.0", "1..0", "v1.0.0"})
        EXPECT_EQ(problem(R"({"ociVersion":")" + std::string{bad} + R"("})"),
                  "ociVersion: must be 1.x.y, is \"" + std::string{bad} + "\"");
}

TEST(OciConfig, refuses_a_nul_in_the_key_of_a_map)
{
    EXPECT_EQ(problem(R"({"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"sysctl":{"net.a\u0000b":"1"}}})"),
              "linux.sysctl: must be without NUL in a key");
}

TEST(OciConfig, names_fields_of_objects_in_objects)
{
    auto const with_linux = [](const std::string& text) {
        return problem(R"({"ociVersion":"1.0.0","root":{"path":"r"},"linux":)" + text + "}");
    };
    EXPECT_EQ(with_linux(R"({"resources":{"pids":{"limit":"5"}}})"), "linux.resources.pids.limit: must be a number");
    EXPECT_EQ(with_linux(R"({"resources":{"network":[]}})"), "linux.resources.network: must be an object");
    EXPECT_EQ(with_linux(R"({"personality":{"domain":"BSD"}})"), "linux.personality.domain: must be LINUX or LINUX32");
    EXPECT_EQ(with_linux(R"({"netDevices":{"eth0":{"name":5}}})"), "linux.netDevices.eth0.name: must be a string");
    EXPECT_EQ(
        problem(R"({"ociVersion":"1.0.0","root":{"path":"r"},"process":{"cwd":"/","landlock":{"rules":{"netPort":[{}]}}}})"),
        "process.landlock.rules.netPort[0].allowedAccess: is missing");
}

TEST(OciConfig, takes_one_name_and_single_lines_for_classes_of_caches)
{
    auto const with = [](const std::string& text) {
        return problem(R"({"ociVersion":"1.3.0","root":{"path":"r"},"linux":{"intelRdt":)" + text + "}}");
    };
    for (const char* const bad : {"a/b", "..", ".", "info", "mon_groups", "mon_data", "a\\nb", "/a", "//"})
        EXPECT_EQ(with(R"({"closID":")" + std::string{bad} + "\"}"),
                  "linux.intelRdt.closID: must be one name, and none of resctrl's own, or /")
            << bad;
    EXPECT_EQ(with(R"({"memBwSchema":"L3:0=f"})"), "linux.intelRdt.memBwSchema: must be one line that begins with MB:");
    EXPECT_EQ(with(R"({"memBwSchema":"MB:0=1\nL3:0=f"})"), "linux.intelRdt.memBwSchema: must be one line that begins with MB:");
    EXPECT_EQ(with(R"({"schemata":["L3:0=f","L3:0=f\n"]})"), "linux.intelRdt.schemata: must be a list of single lines");
    EXPECT_EQ(with(R"({"closID":"/","enableMonitoring":true,"memBwSchema":"MB:0=1","schemata":["L3:0=1"]})"), "");
}

} // namespace
} // namespace nova::model
