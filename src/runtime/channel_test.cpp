#include "runtime/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "sys/file.h"

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

TEST(Channel, loses_no_word_of_a_side_that_ended_before_it_read_ours)
{
    auto pair = Channel::create().value();
    ASSERT_TRUE(pair.ours.send(Note::proceed).ok());
    pair.theirs.send_failure(base::Error{base::Code::not_found, "no such thing"});
    pair.theirs.close();
    EXPECT_EQ(pair.ours.receive().value().text, "no such thing");
    EXPECT_EQ(pair.ours.receive().value().note, Note::ended);
}

TEST(Channel, carries_several_descriptors)
{
    auto pair = Channel::create().value();
    std::vector<sys::UniqueFd> fds;
    for (int i = 0; i < 3; ++i)
        fds.push_back(sys::open_file("/dev/null", O_RDONLY).value());
    ASSERT_TRUE(pair.ours.send(Note::cgroup, fds).ok());
    EXPECT_EQ(pair.theirs.receive().value().fds.size(), 3U);
}

} // namespace
} // namespace nova::runtime
