#include "runtime/channel.h"

#include <gtest/gtest.h>

namespace nova::runtime {
namespace {

TEST(Channel, keeps_for_later_what_a_faster_process_said_first)
{
    auto pair = Channel::create().value();
    ASSERT_TRUE(pair.theirs.send(Note::mounted).ok());
    ASSERT_TRUE(pair.theirs.send(Note::ready).ok());
    ASSERT_TRUE(pair.theirs.send(Note::cloned, "pid").ok());
    EXPECT_EQ(pair.ours.expect_out_of_turn(Note::cloned).value().text, "pid");
    EXPECT_EQ(pair.ours.receive().value().note, Note::mounted);
    EXPECT_EQ(pair.ours.receive().value().note, Note::ready);
}

TEST(Channel, tells_a_failure_at_once)
{
    auto pair = Channel::create().value();
    pair.theirs.send_failure(base::Error{base::Code::not_found, "no such thing"});
    ASSERT_TRUE(pair.theirs.send(Note::cloned).ok());
    EXPECT_EQ(pair.ours.expect_out_of_turn(Note::cloned).error().message(), "no such thing");
}

} // namespace
} // namespace nova::runtime
