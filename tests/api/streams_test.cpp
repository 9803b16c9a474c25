#include "fixture.h"

#include <fcntl.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace nova::test {
namespace {

using base::Code;
using base::Deadline;
using client::Session;
using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return Deadline::after(seconds{30}); }

class Streams : public Door {
protected:
    void SetUp() override
    {
        Door::SetUp();
        ASSERT_TRUE(connect().create(pod("web")).ok());
    }

    client::Session shell(const std::string& script, bool in = false)
    {
        return connect().exec(web, {.command = {"sh", "-c", script}, .in = in}).value();
    }

    /// All output, standard error in brackets, and the exit code.
    static std::string run(client::Session session)
    {
        std::string text;
        while (true) {
            auto output = session.next(soon());
            if (!output.ok())
                return text + output.error().message();
            if (!output.value())
                break;
            text += output.value()->source == Session::Source::out ? output.value()->text : "[" + output.value()->text + "]";
        }
        auto const code = session.exit_code();
        return text + "=" + (code.ok() ? std::to_string(code.value()) : code.error().message());
    }

    model::Key const web{"Pod", "default", "web"};
};

// ---- logs -----------------------------------------------------------------------------------------------------------------

TEST_F(Streams, sends_a_log_to_its_end)
{
    append_log("one\ntwo\n");
    auto log = connect().log(web).value();

    EXPECT_EQ(log.read(soon()).value(), "one\ntwo\n");
    EXPECT_EQ(log.read(soon()).value(), "");
}

TEST_F(Streams, follows_a_log_while_it_grows)
{
    append_log("one\n");
    auto log = connect().log(web, {.follow = true}).value();
    EXPECT_EQ(log.read(soon()).value(), "one\n");
    EXPECT_TRUE(failed_with(log.read(Deadline::after(milliseconds{100})), Code::deadline_exceeded));

    append_log("two\n");

    EXPECT_EQ(log.read(soon()).value(), "two\n");
}

TEST_F(Streams, cuts_a_log_at_the_limit)
{
    append_log("0123456789");
    auto log = connect().log(web, {.limit_bytes = 4}).value();

    EXPECT_EQ(log.read(soon()).value(), "0123");
    EXPECT_EQ(log.read(soon()).value(), "");
}

TEST_F(Streams, says_not_found_for_the_log_of_nobody)
{
    EXPECT_TRUE(failed_with(connect().log({"Pod", "default", "nobody"}), Code::not_found));
}

// ---- exec -----------------------------------------------------------------------------------------------------------------

TEST_F(Streams, runs_a_command_and_tells_its_output_and_exit_code)
{
    auto session = shell("echo out; read go; echo err >&2; exit 7", true);
    EXPECT_EQ(session.next(soon()).value()->text, "out\n");
    ASSERT_TRUE(session.write("go\n").ok());
    EXPECT_EQ(run(std::move(session)), "[err\n]=7");
    EXPECT_EQ(run(shell("true")), "=0");
    EXPECT_EQ(run(shell("kill -9 $$")), "=137");
}

TEST_F(Streams, says_what_stands_in_the_way_of_a_command)
{
    auto const refused = connect().exec(web, {.command = {"/no/such/program"}});

    ASSERT_TRUE(failed_with(refused, Code::not_found));
    EXPECT_NE(refused.error().message().find("/no/such/program"), std::string::npos);
    EXPECT_TRUE(failed_with(connect().exec(web, {}), Code::invalid_argument));
}

TEST_F(Streams, carries_megabytes_both_ways_unharmed)
{
    auto session = shell("cat", true);
    std::string sent;
    for (int i = 0; i < 300'000; ++i)
        sent += std::to_string(i) + "\n";
    std::string received;
    auto const file = root_ + "/in";
    sys::UniqueFd const in{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    ASSERT_EQ(::write(in.get(), sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
    ::lseek(in.get(), 0, SEEK_SET);
    sys::UniqueFd const out{::open((root_ + "/out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};

    auto const code = session.pump({.in = in.get(), .out = out.get(), .on_wake = {}, .filter = {}});

    ASSERT_TRUE(code.ok()) << code.error().message();
    EXPECT_EQ(code.value(), 0);
    received.resize(sent.size() + 1);
    received.resize(static_cast<std::size_t>(::pread(out.get(), received.data(), received.size(), 0)));
    EXPECT_TRUE(received == sent) << received.size() << " of " << sent.size();
}

TEST_F(Streams, carries_on_where_a_command_says_far_more_than_it_is_told)
{
    auto session = shell("od -An -v -tx1", true);
    auto const file = root_ + "/in";
    std::ofstream{file} << std::string(3'000'000, 'x');
    sys::UniqueFd const in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    sys::UniqueFd const out{::open((root_ + "/out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};

    auto const code = session.pump({.in = in.get(), .out = out.get(), .on_wake = {}, .filter = {}});

    ASSERT_TRUE(code.ok()) << code.error().message();
    EXPECT_EQ(std::filesystem::file_size(root_ + "/out"), 3'000'000u * 3 + 3'000'000u / 16);
}

TEST_F(Streams, makes_a_command_wait_whose_output_nobody_reads)
{
    auto const mark = root_ + "/done";
    auto session = shell("head -c 20000000 /dev/zero; touch " + mark);
    ::usleep(500'000);
    EXPECT_NE(::access(mark.c_str(), F_OK), 0) << "20 MB lie in nobody's memory";
    EXPECT_TRUE(connect().version().ok()) << "others are served";

    std::size_t count = 0;
    while (auto const output = session.next(soon()).value())
        count += output->text.size();
    EXPECT_EQ(count, 20'000'000u);
}

TEST_F(Streams, loses_nothing_of_a_command_that_ended_while_its_client_was_busy)
{
    auto const count = root_ + "/count";
    // Each round writes until nothing more fits in anywhere; in the last of them that is also true of the pipe.
    auto session = shell("for round in 1 2 3 4 5 6; do "
                         "while dd if=/dev/zero bs=4096 count=1 oflag=nonblock 2>/dev/null; do echo >> " +
                         count + "; done; sleep 0.2; done");
    ASSERT_TRUE(eventually([&] { return streams_->running() == 0; }));
    ::usleep(1'500'000); // For more than the server waits for what children of the command may still say.

    std::size_t received = 0;
    while (auto const output = session.next(soon()).value())
        received += output->text.size();

    EXPECT_EQ(received, 4096 * std::filesystem::file_size(count));
    EXPECT_EQ(session.exit_code().value(), 0);
}

TEST_F(Streams, resizes_the_terminal)
{
    auto session = shell("cat", true);
    ASSERT_TRUE(session.resize(100, 40).ok());

    EXPECT_TRUE(eventually([&] { return streams_->size() == "100x40"; })) << streams_->size();
}

TEST_F(Streams, ends_though_a_child_of_the_command_keeps_its_output_open)
{
    auto const child = root_ + "/child";
    EXPECT_EQ(run(shell("sleep 600 & echo $! > " + child + "; echo hello; exit 3")), "hello\n=3");
    pid_t pid = 0;
    std::ifstream{child} >> pid;
    EXPECT_EQ(::kill(pid, SIGKILL), 0) << "it was still there";
}

TEST_F(Streams, attaches_and_ends_with_the_output)
{
    auto session = connect().attach(web).value();
    ASSERT_TRUE(session.write("echo\n").ok());
    EXPECT_EQ(session.next(soon()).value()->text, "echo\n");

    ASSERT_TRUE(session.close_in().ok());

    EXPECT_FALSE(session.next(soon()).value());
    EXPECT_EQ(session.exit_code().value(), 0);
}

TEST_F(Streams, detaches_where_the_filter_of_the_input_says_so)
{
    auto session = connect().attach(web).value();
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    sys::UniqueFd const in{ends[0]};
    sys::UniqueFd const typist{ends[1]};
    ASSERT_EQ(::write(typist.get(), "\x1d", 1), 1);

    auto const detach = [](std::string& text) {
        EXPECT_EQ(text, "\x1d");
        text.clear();
        return client::Session::Typed::last;
    };

    auto const code = session.pump({.in = in.get(), .filter = detach});

    EXPECT_EQ(code.value(), 0);
    EXPECT_FALSE(session.over());
}

TEST_F(Streams, notices_that_the_client_of_an_exec_has_gone)
{
    shell("cat", true).write("x").ok();

    EXPECT_TRUE(eventually([&] { return streams_->running() == 0; })) << "cat saw the end of its input";
}

TEST_F(Streams, passes_on_all_that_a_client_sent_before_it_left_though_nobody_takes_the_answer)
{
    auto const go = root_ + "/go";
    auto const received = root_ + "/received";
    std::string const sent(150'000, 'x'); // More than a pipe holds, less than pipe and socket do.
    shell("while ! [ -e " + go + " ]; do sleep 0.01; done; echo answer; sleep 0.2; cat > " + received, true)
        .write(sent, soon())
        .ok();
    std::ofstream{go}.flush();

    ASSERT_TRUE(eventually([&] { return streams_->running() == 0; }));

    EXPECT_EQ(std::filesystem::file_size(received), sent.size());
}

TEST_F(Streams, closes_sessions_when_the_server_stops)
{
    auto session = shell("cat", true);
    stop();

    auto const output = session.next(soon());
    EXPECT_TRUE(output.ok() && !output.value());
    EXPECT_TRUE(failed_with(session.exit_code(), Code::unavailable));
}

} // namespace
} // namespace nova::test
