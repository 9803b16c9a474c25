#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/registry.h"
#include "model/text_limits.h"

namespace nova::model {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string problem_of(const Result<json>& result)
{
    return result.ok() ? "none: " + result.value().dump() : result.error().message();
}

std::string repeated(const std::string& text, std::size_t times)
{
    std::string all;
    all.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

TEST(Yaml, is_read_by_the_core_schema)
{
    auto const value =
        parse_yaml("a: 1\nb: 0x10\nc: 1.5\nd: yes\ne: true\nf: ~\ng: \"1\"\nh: 1.2.3.4\ni: -5\nj: .5\nk: 10.88.0.1/24\n1: x\n")
            .value();
    EXPECT_EQ(value, json::parse(R"({"a":1,"b":16,"c":1.5,"d":"yes","e":true,"f":null,"g":"1","h":"1.2.3.4","i":-5,"j":0.5,
                                     "k":"10.88.0.1/24","1":"x"})"));
    EXPECT_EQ(parse_yaml("").value(), json{});
    EXPECT_EQ(parse_yaml("[1, {a: b}]").value(), json::parse(R"([1,{"a":"b"}])"));
}

TEST(Yaml, says_where_it_is_wrong)
{
    EXPECT_THAT(problem_of(parse_yaml("a: 1\nb: 2\na: 3\n", "x.yaml")), StartsWith("x.yaml:3:1: the key \"a\" stands twice"));
    EXPECT_THAT(problem_of(parse_yaml("a: 1\n b: 2\n", "x.yaml")), StartsWith("x.yaml:2:"));
    EXPECT_THAT(problem_of(parse_yaml("? [1]\n: 2\n")), HasSubstr("a key must be a string"));
    EXPECT_THAT(problem_of(parse_yaml("a: !ruby/object x\n")), HasSubstr("1:4: the tag"));
    EXPECT_THAT(problem_of(parse_yaml("a: 1\n---\nb: 2\n")), HasSubstr("2 documents"));
    EXPECT_EQ(parse_yaml_documents("a: 1\n---\nb: 2\n").value().size(), 2u);
}

TEST(Yaml, follows_aliases_but_not_into_a_bomb)
{
    EXPECT_EQ(parse_yaml("a: &x {b: 1}\nc: *x\n").value(), json::parse(R"({"a":{"b":1},"c":{"b":1}})"));
    std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; ++i) {
        auto const before = "*a" + std::to_string(i - 1) + ",";
        auto const name = "a" + std::to_string(i);
        bomb += name + ": &" + name + " [" + repeated(before, 9) + before.substr(0, before.size() - 1) + " ]\n";
    }
    EXPECT_THAT(problem_of(parse_yaml(bomb)), HasSubstr("values"));
    EXPECT_FALSE(parse_yaml("a: &x [*x]\n").ok());
    std::string deep = "a0: &a0 [[[[[[[[[[[[1]]]]]]]]]]]]\n";
    for (int i = 1; i < 9; ++i)
        deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [[[[[[[[[[*a" + std::to_string(i - 1) + " ]]]]]]]]]]\n";
    EXPECT_THAT(problem_of(parse_yaml(deep)), HasSubstr("levels deep"));
}

TEST(Yaml, survives_what_is_deep_or_large)
{
    EXPECT_THAT(problem_of(parse_yaml(repeated("[", 65) + repeated("]", 65))), HasSubstr("levels deep"));
    for (auto const* nest : {"[", "{a: ", "- ", "? "})
        EXPECT_FALSE(parse_yaml(repeated(nest, 100'000)).ok()) << nest;
    EXPECT_FALSE(parse_yaml(repeated("x", 17u << 20)).ok());
    EXPECT_FALSE(parse_yaml(std::string("a: \0\x01\xff", 6)).ok());
}

TEST(Yaml, is_written_so_that_it_reads_back)
{
    auto const value = json::parse(
        R"({"s":["true","1","","~","yes","a: b","- x","#","line\nline\n","\t",
            "  x","10.0.0.1","ünï","'\"","\u0007","0x1","1e3","null",
            "\r\r","\u0085x","\ufeff","a\u2028b"],
        "n":[1,-1,1.5,true,false,null],"empty":{"o":{},"l":[]},"yes":1,"deep":[[1,[2]],{"a":[{"b":1,"c":2}]}]})");
    auto const text = to_yaml(value);
    EXPECT_EQ(parse_yaml(text).value(), value) << text;
}

TEST(Yaml, ends_where_the_library_finds_the_same_document_for_ever)
{
    EXPECT_FALSE(parse_yaml_documents("'\n- |\n  t\n- - '>-\n  x\n? k\n: v\n").ok());
    EXPECT_EQ(parse_yaml_documents("---\n---\n").value().size(), 2u);
    EXPECT_EQ(parse_yaml_documents("# nothing\n").value().size(), 0u);
}

TEST(Yaml, refuses_bytes_that_are_no_text)
{
    EXPECT_THAT(problem_of(parse_yaml(std::string("a: 1\nb: \0", 9), "x.yaml")), StartsWith("x.yaml:2:4: a control character"));
    EXPECT_THAT(problem_of(parse_yaml("\xff\xfe"
                                      "a")),
                HasSubstr("no UTF-8"));
    EXPECT_FALSE(parse_yaml("a: \"\\ud800\"").ok());
}

TEST(Utf8, has_one_form_for_each_character)
{
    for (auto const* text : {"", "a", "ü", "€", "😀", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        EXPECT_EQ(find_no_utf8(text), std::string::npos) << text;
    for (auto const* text :
         {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff"})
        EXPECT_EQ(find_no_utf8(std::string{"a"} + text), 1u);
}

TEST(Json, says_where_it_is_wrong)
{
    EXPECT_THAT(problem_of(parse_json("{\n  \"a\": 1,\n  \"a\": 2}", "x.json")),
                StartsWith("x.json:3:5: the key \"a\" stands twice"));
    EXPECT_THAT(problem_of(parse_json("{\"a\": }", "x.json")), StartsWith("x.json:1:7: unexpected"));
    EXPECT_THAT(problem_of(parse_json("{\"a\": 1", "x.json")), HasSubstr("x.json:1:"));
    EXPECT_THAT(problem_of(parse_json("{} {}")), HasSubstr("unexpected"));
    EXPECT_FALSE(parse_json("").ok());
    EXPECT_EQ(parse_json("{\"a\":[1,{\"a\":2}]}").value(), json::parse("{\"a\":[1,{\"a\":2}]}"));
}

TEST(Json, survives_what_is_deep_or_large)
{
    EXPECT_THAT(problem_of(parse_json(repeated("[", 1'000'000))), HasSubstr("levels deep"));
    EXPECT_THAT(problem_of(parse_json(repeated("{\"a\":", 1'000'000))), HasSubstr("levels deep"));
    EXPECT_FALSE(parse_json("\"" + repeated("x", 17u << 20)).ok());
    EXPECT_FALSE(parse_json("\"\xff\"").ok());
}

} // namespace
} // namespace nova::model
