#include "supervisor/attachments.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nova::supervisor {
namespace {

using base::Deadline;
using std::chrono::milliseconds;

/// Someone attached to a process whose terminal is a pipe.
class AttachmentsTest : public testing::Test {
protected:
    void SetUp() override
    {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        terminal_ = sys::UniqueFd{ends[0]};
        input_ = sys::UniqueFd{ends[1]};
        attachments_.set_input(input_.get());
    }

    static void type(const sys::UniqueFd& client, const std::string& text)
    {
        ASSERT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }

    void run_until_quiet()
    {
        for (int round = 0; round < 20; ++round)
            ASSERT_TRUE(loop_.run_once(Deadline::after(milliseconds{1})).ok());
    }

    std::string typed()
    {
        std::string text;
        char buffer[65536];
        for (ssize_t count = 0; (count = ::read(terminal_.get(), buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<std::size_t>(count));
        return text;
    }

    sys::Loop loop_ = std::move(sys::Loop::open()).value();
    sys::UniqueFd terminal_;
    sys::UniqueFd input_;
    Attachments attachments_{loop_, -1};
};

TEST_F(AttachmentsTest, takes_what_was_typed_by_one_who_left_before_the_next_output)
{
    auto client = attachments_.add().value();
    type(client, "last\n");
    client.reset();

    attachments_.show("a prompt");

    run_until_quiet();
    EXPECT_EQ(typed(), "last\n");
    EXPECT_TRUE(attachments_.empty());
}

TEST_F(AttachmentsTest, takes_what_was_typed_by_one_who_left_output_unread)
{
    auto client = attachments_.add().value();
    attachments_.show("never read");
    type(client, "last\n");
    client.reset();

    run_until_quiet();

    EXPECT_EQ(typed(), "last\n");
    EXPECT_TRUE(attachments_.empty());
}

TEST_F(AttachmentsTest, takes_what_was_typed_by_one_who_left_while_the_terminal_was_full)
{
    auto const first = attachments_.add().value();
    auto second = attachments_.add().value();
    int const room = ::fcntl(input_.get(), F_GETPIPE_SZ);
    type(first, std::string(static_cast<std::size_t>(room) + 1, 'x'));
    run_until_quiet();
    type(second, std::string(10000, 'y'));
    second.reset();
    run_until_quiet();

    auto text = typed();
    run_until_quiet();
    text += typed();

    EXPECT_EQ(text.size(), static_cast<std::size_t>(room) + 1 + 10000);
    EXPECT_EQ(text.back(), 'y');
}

TEST_F(AttachmentsTest, lets_one_watch_who_has_stopped_typing)
{
    auto const client = attachments_.add().value();
    type(client, "all\n");
    ::shutdown(client.get(), SHUT_WR);
    run_until_quiet();

    attachments_.show("answer");

    char buffer[16];
    EXPECT_EQ(::read(client.get(), buffer, sizeof buffer), 6);
    EXPECT_EQ(typed(), "all\n");
    EXPECT_FALSE(attachments_.empty());
}

} // namespace
} // namespace nova::supervisor
