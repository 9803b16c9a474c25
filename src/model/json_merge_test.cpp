#include "model/json_merge.h"

#include <gtest/gtest.h>

namespace nova::model {
namespace {

std::string merged(const std::string& base, const std::string& patch)
{
    auto const one = JsonDocument::parse(base).value();
    auto const two = JsonDocument::parse(patch).value();
    return merge_json(one.root(), two.root());
}

TEST(JsonMerge, sets_members_deep_inside_and_leaves_the_others_as_they_were_written)
{
    EXPECT_EQ(merged(R"({"a":{"b":1e3,"c":[1, 2]},"d":"\u0041"})", R"({"a":{"b":2}})"),
              R"({"a":{"b":2,"c":[1, 2]},"d":"\u0041"})");
}

TEST(JsonMerge, adds_what_was_not_there)
{
    EXPECT_EQ(merged(R"({"a":1})", R"({"b":{"c":{"d":2}}})"), R"({"a":1,"b":{"c":{"d":2}}})");
    EXPECT_EQ(merged("{}", R"({"x":null})"), R"({"x":null})");
}

TEST(JsonMerge, replaces_lists_and_values_of_another_kind)
{
    EXPECT_EQ(merged(R"({"a":[1,2,3],"b":{"c":1}})", R"({"a":[4],"b":7})"), R"({"a":[4],"b":7})");
}

TEST(JsonMerge, counts_the_last_one_where_a_key_stands_twice)
{
    EXPECT_EQ(merged(R"({"a":1,"a":2})", R"({"b":1,"b":2})"), R"({"a":2,"b":2})");
    EXPECT_EQ(merged(R"({"a":1,"a":2})", R"({"a":3})"), R"({"a":3})");
}

TEST(JsonMerge, keeps_keys_with_escapes) { EXPECT_EQ(merged(R"({"a\"b":1})", R"({"a\"b":2})"), R"({"a\"b":2})"); }

} // namespace
} // namespace nova::model
