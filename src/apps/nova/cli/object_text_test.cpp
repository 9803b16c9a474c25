#include "apps/nova/cli/object_text.h"

#include <gtest/gtest.h>

namespace nova::app {
namespace {

using nlohmann::json;

TEST(ObjectText, reads_what_is_there)
{
    json const object{
        {"kind", "Pod"}, {"status", {{"phase", "Running"}, {"pid", 7}, {"list", {{{"name", "one"}}}}}}, {"on", false}};
    EXPECT_EQ(text_at(object, "/kind"), "Pod");
    EXPECT_EQ(text_at(object, "/status/phase"), "Running");
    EXPECT_EQ(text_at(object, "/status/list/0/name"), "one");
    EXPECT_EQ(number_at(object, "/status/pid"), 7);
    EXPECT_FALSE(flag_at(object, "/on", true));
}

TEST(ObjectText, takes_what_is_missing_or_of_another_type_as_absent)
{
    for (const auto& object :
         {json{}, json("text"), json::array({1}), json{{"status", nullptr}}, json{{"status", "text"}},
          json{{"status", {{"phase", 7}, {"pid", "seven"}, {"on", 1}}}}, json{{"status", {{"phase", nullptr}}}}}) {
        EXPECT_EQ(text_at(object, "/status/phase"), "") << object;
        EXPECT_EQ(number_at(object, "/status/pid", -1), -1) << object;
        EXPECT_TRUE(flag_at(object, "/status/on", true)) << object;
        EXPECT_EQ(text_at(object, "/status/list/0/name"), "") << object;
        EXPECT_EQ(list_at(object, "/status/phase"), json::array()) << object;
    }
}

} // namespace
} // namespace nova::app
