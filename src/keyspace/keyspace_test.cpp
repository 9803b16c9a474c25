#include "keyspace/keyspace.h"

#include <gtest/gtest.h>

#include "keyspace/store_fixture.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::failed_with;

class KeyspaceTest : public StoreFixture {};

TEST_F(KeyspaceTest, gives_back_what_was_put_with_growing_revisions)
{
    auto const first = store().put("/a", "one");
    ASSERT_TRUE(first.ok()) << first.error().message();
    EXPECT_EQ(first.value().modified, 1u);
    EXPECT_EQ(first.value().created, 1u);
    auto const second = store().put("/a", "two");
    EXPECT_EQ(second.value().modified, 2u);
    EXPECT_EQ(second.value().created, 1u);
    auto const read = store().get("/a");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().value, "two");
    EXPECT_EQ(read.value().modified, 2u);
    EXPECT_TRUE(failed_with(store().get("/b"), Code::not_found));
}

TEST_F(KeyspaceTest, keeps_bytes_as_they_are)
{
    std::string const odd{"a\0b\xff\x80", 5};
    ASSERT_TRUE(store().put(odd, odd).ok());
    ASSERT_TRUE(store().put("/empty", "").ok());
    EXPECT_EQ(store().get(odd).value().value, odd);
    EXPECT_EQ(store().get("/empty").value().value, "");
    EXPECT_EQ(store().list(odd.substr(0, 4)).value().records.size(), 1u);
}

} // namespace
} // namespace nova::keyspace
