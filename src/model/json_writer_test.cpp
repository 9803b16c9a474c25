#include "model/json_writer.h"

#include <gtest/gtest.h>

namespace nova::model {
namespace {

TEST(IndentedJson, puts_each_member_and_element_on_its_line)
{
    EXPECT_EQ(indented_json(R"({"a":[1,{"b":"c"}],"d":true})"),
              "{\n\t\"a\": [\n\t\t1,\n\t\t{\n\t\t\t\"b\": \"c\"\n\t\t}\n\t],\n\t\"d\": true\n}");
}

TEST(IndentedJson, leaves_texts_and_what_is_empty_as_they_are)
{
    EXPECT_EQ(indented_json(R"({"a":"{[,:\"]}","b":[],"c":{}})"), "{\n\t\"a\": \"{[,:\\\"]}\",\n\t\"b\": [],\n\t\"c\": {}\n}");
}

} // namespace
} // namespace nova::model
