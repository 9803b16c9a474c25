#include "supervisor/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "base/abort_guard_testing.h"
#include "base/strings.h"
#include "supervisor/log_reader.h"
#include "sys/fifo.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::supervisor {
namespace {

class OutputTest : public testing::Test {
protected:
    OutputTest()
    {
        sys::make_directories(root).value();
        sys::ensure_fifo(root + "/fifo").value();
        fifo = sys::open_fifo(root + "/fifo").value();
    }
    ~OutputTest() override { sys::remove_tree(root).value(); }

    Output open(std::uint64_t rotate_at = 1 << 20) const
    {
        return Output::open(root, {.path = log, .rotate_at = {rotate_at}, .keep_files = 100}).value();
    }

    void write(Output& output, const std::string& text) const
    {
        sys::write_all(fifo.get(), text).value();
        output.drain(Source::out, fifo.get(), [](std::string_view) {}).value();
    }

    std::vector<LogLine> lines() const
    {
        std::vector<LogLine> all;
        auto reader = LogReader::open(log, {}).value();
        while (auto line = reader.next().value())
            all.push_back(std::move(*line));
        return all;
    }

    std::string const root = testing::TempDir() + "output-" + sys::random_hex(12);
    base::AbortGuard const guard{root};
    std::string const log = root + "/log";
    sys::UniqueFd fifo;
};

TEST_F(OutputTest, keeps_a_line_until_it_is_whole_even_over_a_change_of_supervisors)
{
    {
        auto first = open();
        write(first, "one\ntwo");
    }
    auto second = open();
    ASSERT_EQ(lines().size(), 1u);
    write(second, " is long\n");
    ASSERT_EQ(lines().size(), 2u);
    EXPECT_EQ(lines()[1].text, "two is long");
}

TEST_F(OutputTest, logs_longer_lines_in_parts_that_join_to_the_whole)
{
    auto output = open();
    auto const text = std::string(40'000, 'x');
    write(output, text + "\nshort\n");
    auto const logged = lines();
    ASSERT_EQ(logged.size(), 4u);
    EXPECT_EQ(logged[0].part, Part::partial);
    EXPECT_EQ(logged[1].part, Part::partial);
    EXPECT_EQ(logged[2].part, Part::full);
    EXPECT_EQ(logged[0].text + logged[1].text + logged[2].text, text);
    EXPECT_EQ(logged[3].text, "short");
}

TEST_F(OutputTest, marks_what_had_no_end_when_its_writer_ended)
{
    auto output = open();
    write(output, "prompt> ");
    EXPECT_TRUE(lines().empty());
    output.finish();
    ASSERT_EQ(lines().size(), 1u);
    EXPECT_EQ(lines()[0].part, Part::partial);
    EXPECT_EQ(lines()[0].text, "prompt> ");
    EXPECT_FALSE(sys::exists(root + "/progress"));
    EXPECT_FALSE(sys::exists(root + "/stdout.spool"));
}

/// What a SIGKILL between the write into the log and its note leaves behind.
TEST_F(OutputTest, logs_again_what_was_logged_but_not_noted)
{
    auto const progress = root + "/progress";
    std::string note;
    {
        auto output = open();
        write(output, "one\n");
        note = sys::read_file(progress).value();
        write(output, "two\nthree\n");
    }
    sys::write_file_atomically(progress, note).value();
    auto successor = open();
    write(successor, "four\n");
    auto const logged = lines();
    ASSERT_EQ(logged.size(), 4u);
    EXPECT_EQ(logged[1].text, "two");
    EXPECT_EQ(logged[2].text, "three");
    EXPECT_EQ(logged[3].text, "four");
}

TEST_F(OutputTest, rotates_before_a_file_grows_too_long_and_loses_nothing)
{
    auto output = open(4096);
    for (int number = 0; number < 1000; number += 10) {
        std::string text;
        for (int line = number; line < number + 10; ++line)
            text += std::to_string(line) + "\n";
        write(output, text);
    }
    auto const logged = lines();
    ASSERT_EQ(logged.size(), 1000u);
    for (int number = 0; number < 1000; ++number)
        ASSERT_EQ(logged[static_cast<std::size_t>(number)].text, std::to_string(number));
    for (const auto& name : sys::list_directory(root).value_or({})) {
        if (!name.starts_with("log"))
            continue;
        EXPECT_LE(sys::read_file(root + "/" + name).value().size(), 4096u) << name;
    }
}

/// A limit on the size of files stands for the full disk: write(2) fails half-way there, too.
TEST_F(OutputTest, uses_its_spool_again_when_all_of_it_is_logged_and_the_disk_is_full)
{
    ::signal(SIGXFSZ, SIG_IGN);
    auto output = open(4096);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 20'000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    for (int round = 0; round < 1000; ++round)
        write(output, std::string(99, 'x') + "\n");
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_FALSE(output.blocked());
    EXPECT_EQ(lines().size(), 1000u);
}

TEST_F(OutputTest, goes_on_after_the_disk_was_full_and_tells_what_is_lost)
{
    ::signal(SIGXFSZ, SIG_IGN);
    auto output = open(64u << 20);
    write(output, "before\n");
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 20'000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    for (int round = 0; round < 400; ++round)
        write(output, std::string(99, 'x') + "\n");
    EXPECT_TRUE(output.blocked());
    char byte = 0;
    EXPECT_LT(::read(fifo.get(), &byte, 1), 0) << "the writer is never made to wait";
    ::setrlimit(RLIMIT_FSIZE, &before);
    output.retry();
    EXPECT_FALSE(output.blocked());
    write(output, "after\n");
    auto const logged = lines();
    EXPECT_EQ(logged.front().text, "before");
    EXPECT_TRUE(logged.back().text.ends_with("after")) << "the hole may lie within a line";
    EXPECT_TRUE(
        std::any_of(logged.begin(), logged.end(), [](const auto& line) { return line.text.ends_with("the disk was full"); }));
}

} // namespace
} // namespace nova::supervisor
