#include "network/forwarding.h"

#include <gtest/gtest.h>

#include "network/playground_testing.h"
#include "sys/file.h"
#include "sys/sysctl.h"

namespace nova::network {
namespace {

class Forwarding : public Playground {
protected:
    static std::string now() { return sys::read_sysctl("net/ipv4/ip_forward").value(); }
    static void set(const std::string& value) { ASSERT_TRUE(sys::ensure_sysctl("net/ipv4/ip_forward", value).ok()); }
};

TEST_F(Forwarding, is_on_while_a_nat_switch_needs_it_and_then_as_it_was_found)
{
    auto const networks = open();
    auto vault = nat("vault", "10.88.2");
    vault.profile = Profile::internal;
    for (auto const* found : {"0", "1"}) {
        SCOPED_TRACE(found);
        set(found);
        ASSERT_TRUE(networks->ensure_switch(vault).ok());
        EXPECT_EQ(now(), found) << "an internal switch needs none";
        ASSERT_TRUE(networks->ensure_switch(nat()).ok());
        ASSERT_TRUE(networks->ensure_switch(nat("shop", "10.88.1")).ok());
        EXPECT_EQ(now(), "1");
        ASSERT_TRUE(networks->remove_switch("lab").ok());
        ASSERT_TRUE(open()->sweep({}).ok());
        EXPECT_EQ(now(), "1") << "another still needs it";
        ASSERT_TRUE(networks->remove_switch("shop").ok());
        EXPECT_EQ(now(), found);
        ASSERT_TRUE(networks->remove_switch("vault").ok());
    }
}

TEST_F(Forwarding, goes_off_with_what_a_crash_left_and_with_a_changed_profile)
{
    set("0");
    auto const networks = open();
    ASSERT_TRUE(networks->ensure_switch(nat()).ok());
    auto closed = nat();
    closed.profile = Profile::internal;
    ASSERT_TRUE(networks->ensure_switch(closed).ok());
    EXPECT_EQ(now(), "0");
    ASSERT_TRUE(networks->ensure_switch(nat()).ok());
    EXPECT_EQ(now(), "1");
    std::filesystem::remove(options_of("0000aaaa").state_directory + "/lab.json"); // As a kill within remove_switch leaves it.
    ASSERT_TRUE(networks->sweep({}).ok());
    EXPECT_EQ(now(), "0");
}

TEST_F(Forwarding, stays_on_where_others_may_live_from_it_or_somebody_else_decided)
{
    set("0");
    auto const networks = open();
    auto const other = open("0000bbbb");
    auto theirs = nat("lab", "10.88.1");
    theirs.bridge = "nv-other";
    ASSERT_TRUE(networks->ensure_switch(nat()).ok());
    ASSERT_TRUE(other->ensure_switch(theirs).ok());
    ASSERT_TRUE(networks->remove_switch("lab").ok());
    EXPECT_EQ(now(), "1") << "the other Nova forwards too";
    ASSERT_TRUE(other->remove_switch("lab").ok());

    set("0");
    ASSERT_TRUE(networks->ensure_switch(nat()).ok());
    set("0"); // The administrator's word.
    ASSERT_TRUE(networks->remove_switch("lab").ok());
    EXPECT_EQ(now(), "0");
    set("1");
    ASSERT_TRUE(networks->ensure_switch(nat()).ok());
    ASSERT_TRUE(networks->remove_switch("lab").ok());
    EXPECT_EQ(now(), "1") << "what was noted before is not noted any more";
}

TEST_F(Forwarding, is_left_alone_in_another_namespace_or_after_a_boot)
{
    set("0");
    auto const networks = open();
    ASSERT_TRUE(networks->ensure_switch(nat()).ok());
    auto const record = options_of("0000aaaa").run_directory + "/ip_forward";
    auto const text = sys::read_file(record).value();
    ASSERT_TRUE(sys::write_file_atomically(record, text + "0").ok()); // That of some other namespace.
    ASSERT_TRUE(networks->remove_switch("lab").ok());
    EXPECT_EQ(now(), "1");
    EXPECT_FALSE(sys::exists(record));
}

} // namespace
} // namespace nova::network
