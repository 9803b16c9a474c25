#include "runtime/unit_property.h"

#include <gtest/gtest.h>

#include "runtime/systemd.h"

namespace nova::runtime {
namespace {

using Bits = std::vector<std::uint8_t>;
using Words = std::vector<std::string>;

TEST(UnitName, comes_from_slice_prefix_and_name)
{
    EXPECT_EQ(parse_unit_name("machine.slice:nb:web", "id", SystemdKind::system).value(),
              (UnitName{"machine.slice", "nb-web.scope"}));
    EXPECT_EQ(parse_unit_name("machine.slice::web", "id", SystemdKind::system).value(), (UnitName{"machine.slice", "web.scope"}));
    EXPECT_EQ(parse_unit_name(":nb:web", "id", SystemdKind::system).value(), (UnitName{"system.slice", "nb-web.scope"}));
    EXPECT_EQ(parse_unit_name("", "id", SystemdKind::system).value(), (UnitName{"system.slice", "nb-id.scope"}));
    EXPECT_EQ(parse_unit_name("", "id", SystemdKind::user).value(), (UnitName{"user.slice", "nb-id.scope"}));
    EXPECT_EQ(parse_unit_name("a.slice:nb:a-b.slice", "id", SystemdKind::system).value(), (UnitName{"a.slice", "a-b.slice"}));
}

TEST(UnitName, is_refused_where_it_is_another_form_or_would_be_no_unit)
{
    for (const char* const path :
         {"/a/path", "a.slice:b", "a.slice:b:c:d", "a.slice:b:", "a:b:c", "a.slice:b:../c", "a.slice:b:c d", "a/b.slice:c:d"})
        EXPECT_FALSE(parse_unit_name(path, "id", SystemdKind::system).ok()) << path;
}

TEST(UnitProperty, reads_the_values_of_annotations)
{
    EXPECT_EQ(parse_property_value("'word'").value(), PropertyValue{std::string{"word"}});
    EXPECT_EQ(parse_property_value("\"it's\"").value(), PropertyValue{std::string{"it's"}});
    EXPECT_EQ(parse_property_value("true").value(), PropertyValue{true});
    EXPECT_EQ(parse_property_value("-5").value(), PropertyValue{std::int32_t{-5}});
    EXPECT_EQ(parse_property_value("uint64 123456789012").value(), PropertyValue{std::uint64_t{123456789012}});
    EXPECT_EQ(parse_property_value("1.5").value(), PropertyValue{1.5});
    EXPECT_EQ(parse_property_value("['a', 'b']").value(), (PropertyValue{Words{"a", "b"}}));
    for (const char* const text : {"", "word", "'a", "'a'b'", "[a]", "uint32 -1", "uint32 x", "nonsense 1", "1e5", "--", "5-"})
        EXPECT_FALSE(parse_property_value(text).ok()) << text;
}

TEST(UnitProperty, is_written_with_the_signature_of_its_value)
{
    struct Case {
        PropertyValue value;
        std::string signature;
        std::string ending; ///< The value's own bytes.
    };
    auto const number = [](char value) { return std::string{value, 0, 0, 0}; };
    auto const text = [&](const std::string& word) { return number(static_cast<char>(word.size())) + word + '\0'; };
    for (const auto& [value, signature, ending] :
         std::initializer_list<Case>{{true, "b", number(1)},
                                     {std::uint32_t{7}, "u", number(7)},
                                     {std::string{"word"}, "s", text("word")},
                                     {Words{"abc", "de"}, "as", number(15) + text("abc") + text("de")},
                                     {Bits{1, 2}, "ay", number(2) + "\1\2"},
                                     {std::vector<std::uint32_t>{3, 4}, "au", number(8) + number(3) + number(4)},
                                     {TextPairs{{"abc", "def"}}, "a(ss)", text("abc") + text("def")}}) {
        sys::BusWriter writer;
        write_properties(writer, {{"Name", value}});
        auto const& bytes = writer.bytes();
        auto const head = number(4) + "Name" + '\0' + static_cast<char>(signature.size()) + signature + '\0';
        EXPECT_EQ(bytes.substr(8, head.size()), head) << signature;
        EXPECT_TRUE(bytes.ends_with(ending)) << signature;
    }
}

TEST(UnitProperty, turns_seconds_into_what_systemd_knows)
{
    auto const properties = annotated_properties(
        {{"org.systemd.property.TimeoutStopSec", "1.5"}, {"org.systemd.property.RuntimeMaxUSec", "uint64 7"}, {"other", "x"}});
    EXPECT_EQ(properties.value(),
              (std::vector<UnitProperty>{{"RuntimeMaxUSec", std::uint64_t{7}}, {"TimeoutStopUSec", std::uint64_t{1500000}}}));
}

TEST(UnitProperty, names_the_annotation_that_is_wrong_and_lets_none_say_what_the_runtime_decides)
{
    EXPECT_EQ(annotated_properties({{"org.systemd.property.PIDs", "1"}}).error().message(),
              "annotations.org.systemd.property.PIDs: is decided by the runtime");
    EXPECT_FALSE(annotated_properties({{"org.systemd.property.DeviceAllow", "'x'"}}).ok());
    EXPECT_FALSE(annotated_properties({{"org.systemd.property.lower", "1"}}).ok());
    EXPECT_FALSE(annotated_properties({{"org.systemd.property.TimeoutStopSec", "'soon'"}}).ok());
}

TEST(UnitProperty, tells_the_limits_of_version_2)
{
    model::oci::Resources resources;
    resources.memory = {.limit = 64, .reservation = 32, .swap = 96, .kernel = {}, .kernel_tcp = {}, .swappiness = {}};
    resources.cpu.shares = 1024;
    resources.cpu.quota = 25050;
    resources.cpu.period = 50000;
    resources.cpu.cpus = "0-2,9";
    resources.pids_limit = -1;
    resources.unified = {{"memory.high", "48"}, {"io.max", "8:0 rbps=1"}};
    EXPECT_EQ(limit_properties(resources, true), (std::vector<UnitProperty>{{"MemoryMax", std::uint64_t{64}},
                                                                            {"MemoryLow", std::uint64_t{32}},
                                                                            {"MemorySwapMax", std::uint64_t{32}},
                                                                            {"CPUWeight", std::uint64_t{100}},
                                                                            {"CPUQuotaPeriodUSec", std::uint64_t{50000}},
                                                                            {"CPUQuotaPerSecUSec", std::uint64_t{510000}},
                                                                            {"AllowedCPUs", Bits{0x07, 0x02}},
                                                                            {"TasksMax", UINT64_MAX},
                                                                            {"MemoryHigh", std::uint64_t{48}}}));
}

TEST(UnitProperty, takes_swap_away_where_it_is_0_and_memory_has_no_limit)
{
    model::oci::Resources resources;
    resources.memory.swap = 0;
    EXPECT_EQ(limit_properties(resources, true), (std::vector<UnitProperty>{{"MemorySwapMax", std::uint64_t{0}}}));
    resources.memory.limit = 0; // As engines write what they do not change.
    EXPECT_TRUE(limit_properties(resources, true).empty());
}

TEST(UnitProperty, takes_the_limit_of_swap_away_with_that_of_memory)
{
    model::oci::Resources resources;
    resources.memory.limit = -1;
    EXPECT_EQ(limit_properties(resources, true),
              (std::vector<UnitProperty>{{"MemoryMax", UINT64_MAX}, {"MemorySwapMax", UINT64_MAX}}));
}

TEST(UnitProperty, gives_an_idle_group_no_weight)
{
    model::oci::Resources resources;
    resources.cpu.idle = 1;
    resources.cpu.shares = 1024;
    EXPECT_EQ(limit_properties(resources, true), (std::vector<UnitProperty>{idle_weight()}));
    resources = {};
    resources.unified = {{"cpu.idle", "1\n"}, {"cpu.weight", "8"}};
    EXPECT_EQ(limit_properties(resources, true), (std::vector<UnitProperty>{idle_weight()}));
}

TEST(UnitProperty, tells_what_files_of_version_2_say_of_processors)
{
    model::oci::Resources resources;
    resources.unified = {{"cpu.max", "10000 50000\n"}, {"cpuset.cpus", "0-1"}, {"cpuset.mems", "0"}};
    EXPECT_EQ(limit_properties(resources, true), (std::vector<UnitProperty>{{"CPUQuotaPeriodUSec", std::uint64_t{50000}},
                                                                            {"CPUQuotaPerSecUSec", std::uint64_t{200000}},
                                                                            {"AllowedCPUs", Bits{0x03}},
                                                                            {"AllowedMemoryNodes", Bits{0x01}}}));
    resources.unified = {{"cpu.max", "max"}};
    EXPECT_EQ(limit_properties(resources, true), (std::vector<UnitProperty>{{"CPUQuotaPerSecUSec", UINT64_MAX}}));
    resources.unified = {{"cpu.max", "much"}};
    EXPECT_TRUE(limit_properties(resources, true).empty()) << "the kernel refuses it";
}

TEST(UnitProperty, tells_the_limits_of_version_1)
{
    model::oci::Resources resources;
    resources.memory.limit = -1;
    resources.cpu.shares = 512;
    resources.block_io.weight = 300;
    EXPECT_EQ(limit_properties(resources, false),
              (std::vector<UnitProperty>{
                  {"MemoryLimit", UINT64_MAX}, {"CPUShares", std::uint64_t{512}}, {"BlockIOWeight", std::uint64_t{300}}}));
}

TEST(UnitProperty, lets_systemd_pass_at_least_what_the_rules_allow)
{
    using Rule = model::oci::DeviceRule;
    auto const some =
        device_properties({Rule{false, "a", {}, {}, "rwm"}, Rule{true, "c", 10, 200, "rw"}, Rule{true, "b", 8, {}, "r"}});
    ASSERT_EQ(some.size(), 2u);
    EXPECT_EQ(std::get<std::string>(some[0].value), "strict");
    const auto& allowed = std::get<TextPairs>(some[1].value);
    auto const has = [&](const char* name, const char* access) {
        return std::find(allowed.begin(), allowed.end(), std::pair<std::string, std::string>{name, access}) != allowed.end();
    };
    EXPECT_TRUE(has("/dev/char/10:200", "rw"));
    EXPECT_TRUE(has("block-*", "r"));
    EXPECT_TRUE(has("/dev/char/1:3", "rwm")) << "and what every container may use";
    EXPECT_TRUE(has("char-pts", "rwm"));
    auto const all = device_properties({Rule{true, "a", {}, {}, "rwm"}});
    EXPECT_EQ(std::get<std::string>(all[0].value), "auto");
}

TEST(UnitProperty, knows_a_set_of_processors_as_bits)
{
    EXPECT_EQ(bits_of_set("0").value(), Bits{1});
    EXPECT_EQ(bits_of_set("7,8").value(), (Bits{0x80, 0x01}));
    for (const char* const text : {"", "a", "3-1", "0-99999", "-1", "1,"})
        EXPECT_FALSE(bits_of_set(text).ok()) << text;
}

} // namespace
} // namespace nova::runtime
