#include "model/object.h"

#include <gtest/gtest.h>

namespace nova::model {
namespace {

TEST(Key, has_a_place_in_the_store_and_is_found_again)
{
    for (auto const& key : {Key{"Pod", "default", "web"}, Key{"Node", "", "local"}})
        EXPECT_EQ(parse_storage_key(storage_key(key)), key);
    EXPECT_EQ(storage_key({"Pod", "default", "web"}), "/objects/Pod/default/web");
    EXPECT_EQ(storage_prefix("Pod"), "/objects/Pod/");
}

TEST(Key, is_not_seen_where_there_is_none)
{
    EXPECT_FALSE(parse_storage_key("/allocations/lab/10.0.0.1"));
    EXPECT_FALSE(parse_storage_key("/objects/Pod"));
}

} // namespace
} // namespace nova::model
