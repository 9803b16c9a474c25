#include "supervisor/log_reader.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "base/abort_guard_testing.h"
#include "supervisor/log_writer.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::supervisor {
namespace {

using std::chrono::seconds;

class LogReaderTest : public testing::Test {
protected:
    LogReaderTest() { sys::make_directories(root).value(); }
    ~LogReaderTest() override { sys::remove_tree(root).value(); }

    static std::string line(int number)
    {
        char time[40];
        std::snprintf(time, sizeof time, "2026-11-21T05:%02d:%02d.000000000Z", number / 60 % 60, number % 60);
        return to_string({time, "stdout", Part::full, std::to_string(number)});
    }

    LogWriter writer(std::uint64_t rotate_at = 4096, std::uint32_t keep_files = 50) const
    {
        return LogWriter::open({.path = path, .rotate_at = {rotate_at}, .keep_files = keep_files}, {}).value();
    }

    static void write(LogWriter& log, int number)
    {
        auto const text = line(number);
        if (text.size() > log.room())
            log.rotate().value();
        log.append(text).value();
    }

    static std::vector<int> rest_of(LogReader& reader)
    {
        std::vector<int> numbers;
        while (auto const next = reader.next().value())
            numbers.push_back(std::stoi(next->text));
        return numbers;
    }

    static std::vector<int> range(int first, int last)
    {
        std::vector<int> numbers;
        for (int number = first; number < last; ++number)
            numbers.push_back(number);
        return numbers;
    }

    std::string const root = testing::TempDir() + "log-" + sys::random_hex(12);
    std::string const path = root + "/web.log";
    base::AbortGuard const guard{root};
};

TEST_F(LogReaderTest, reads_the_rotated_files_in_their_order)
{
    auto log = writer();
    for (int number = 0; number < 500; ++number)
        write(log, number);
    ASSERT_TRUE(sys::exists(path + ".4"));
    auto reader = LogReader::open(path, {}).value();
    EXPECT_EQ(rest_of(reader), range(0, 500));
}

TEST_F(LogReaderTest, gives_the_last_lines_over_the_border_of_files)
{
    auto log = writer();
    for (int number = 0; number < 500; ++number)
        write(log, number);
    for (int const tail : {0, 1, 2, 50, 99, 100, 101, 250, 499, 500, 5000}) {
        auto reader = LogReader::open(path, {.tail = tail}).value();
        EXPECT_EQ(rest_of(reader), range(std::max(0, 500 - tail), 500)) << tail;
    }
}

TEST_F(LogReaderTest, leaves_out_what_is_older)
{
    auto log = writer();
    for (int number = 0; number < 200; ++number)
        write(log, number);
    std::tm parts{};
    ::strptime("2026-11-21T05:01:40", "%Y-%m-%dT%H:%M:%S", &parts);
    auto reader = LogReader::open(path, {.since = base::SystemTime{seconds{::timegm(&parts)}}}).value();
    EXPECT_EQ(rest_of(reader), range(100, 200));
}

TEST_F(LogReaderTest, takes_a_log_that_does_not_exist_for_empty_and_waits_for_it)
{
    auto reader = LogReader::open(path, {.follow = Follow::yes}).value();
    EXPECT_EQ(rest_of(reader), std::vector<int>{});
    auto log = writer();
    write(log, 0);
    pollfd entry{reader.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 30'000), 1);
    EXPECT_EQ(rest_of(reader), range(0, 1));
    EXPECT_FALSE(LogReader::open(root + "/none/web.log", {.follow = Follow::yes}).ok());
}

TEST_F(LogReaderTest, passes_over_what_is_no_line_of_a_log)
{
    sys::write_file_atomically(path, "garbage\n" + line(1) + "\n2026 x\n" + line(2) + "half a li").value();
    auto reader = LogReader::open(path, {}).value();
    EXPECT_EQ(rest_of(reader), range(1, 3));
}

TEST_F(LogReaderTest, follows_a_fast_writer_through_every_rotation)
{
    constexpr int most = 6000;
    std::atomic<int> given = 0;
    std::jthread const writing{[&] {
        auto log = writer(4096, 400);
        for (int number = 0; number < most; ++number) {
            while (number - given > 3000) // Never so far ahead that a file is rotated away unread.
                std::this_thread::yield();
            write(log, number);
        }
    }};
    auto reader = LogReader::open(path, {.follow = Follow::yes}).value();
    for (int expected = 0; expected < most;) {
        while (auto const next = reader.next().value()) {
            ASSERT_EQ(next->text, std::to_string(expected));
            given = ++expected;
        }
        pollfd entry{reader.fd(), POLLIN, 0};
        ASSERT_TRUE(expected == most || ::poll(&entry, 1, 30'000) == 1) << "not woken after " << expected;
    }
}

TEST_F(LogReaderTest, goes_on_when_a_successor_cuts_off_and_writes_again_what_was_not_committed)
{
    auto log = writer();
    write(log, 0);
    auto const committed = log.place();
    write(log, 1);
    auto reader = LogReader::open(path, {.follow = Follow::yes}).value();
    EXPECT_EQ(rest_of(reader), range(0, 2));
    log = LogWriter::open({.path = path, .rotate_at = {4096}, .keep_files = 3}, committed).value();
    EXPECT_EQ(rest_of(reader), std::vector<int>{});
    write(log, 1);
    write(log, 2);
    EXPECT_EQ(rest_of(reader), range(2, 3)) << "neither twice nor lost";
}

TEST(LogLine, is_read_back_as_it_was_written)
{
    LogLine const whole{"2026-11-21T05:20:39.123456789Z", "stderr", Part::partial, " P two  spaces "};
    auto const text = to_string(whole);
    EXPECT_EQ(parse_log_line(text.substr(0, text.size() - 1)), whole);
    for (const auto* bad : {"", " ", "a b F c", "2026-11-21T05:20:39.123456789Z", "2026-11-21T05:20:39.123456789Z stdout",
                            "2026-11-21T05:20:39.123456789Z stdout X text", "2026-11-21T05:20:39.123456789Z stdout F"})
        EXPECT_EQ(parse_log_line(bad), std::nullopt) << bad;
}

} // namespace
} // namespace nova::supervisor
