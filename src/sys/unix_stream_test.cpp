#include "sys/unix_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

#include "base/abort_guard_testing.h"
#include "sys/file.h"

namespace nova::sys {
namespace {

using base::Code;
using namespace std::chrono_literals;

struct Pair {
    UnixStream ours;
    UniqueFd theirs;
};

Pair make_pair()
{
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    return {UnixStream::adopt(UniqueFd{ends[0]}).value(), UniqueFd{ends[1]}};
}

Deadline soon() { return Deadline::after(30s); }
Deadline shortly() { return Deadline::after(50ms); } ///< For what never comes.

struct Directory {
    std::string path = testing::TempDir() + "unix_stream." + std::to_string(::getpid());
    base::AbortGuard const guard{path};
    Directory() { EXPECT_TRUE(make_directories(path).ok()); }
    ~Directory() { std::filesystem::remove_all(path); }
};

UniqueFd listen_at(const std::string& directory, const std::string& name)
{
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    auto const parent = open_file(directory, O_PATH | O_DIRECTORY).value();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto const path = "/proc/self/fd/" + std::to_string(parent.get()) + "/" + name;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket.get(), 0), 0);
    return socket;
}

TEST(UnixStream, takes_lines_apart_however_they_arrive)
{
    auto pair = make_pair();
    ASSERT_TRUE(write_all(pair.theirs.get(), "one\r\ntw").ok());
    EXPECT_EQ(pair.ours.read_line(10, soon()).value(), "one");
    EXPECT_EQ(pair.ours.read_line(10, shortly()).error().code(), Code::deadline_exceeded);
    ASSERT_TRUE(write_all(pair.theirs.get(), "o\n\nthree\n").ok());
    EXPECT_EQ(pair.ours.read_line(10, soon()).value(), "two");
    EXPECT_EQ(pair.ours.read_line(10, soon()).value(), "");
    EXPECT_EQ(pair.ours.read_line(10, soon()).value(), "three");
}

TEST(UnixStream, reads_so_many_bytes_after_a_line)
{
    auto pair = make_pair();
    ASSERT_TRUE(write_all(pair.theirs.get(), "begin\nab\ncd").ok());
    EXPECT_EQ(pair.ours.read_line(10, soon()).value(), "begin");
    EXPECT_EQ(pair.ours.read_exactly(4, soon()).value(), "ab\nc");
    EXPECT_EQ(pair.ours.read_exactly(2, shortly()).error().code(), Code::deadline_exceeded);
    ASSERT_TRUE(write_all(pair.theirs.get(), "e").ok());
    EXPECT_EQ(pair.ours.read_exactly(2, soon()).value(), "de");
}

TEST(UnixStream, refuses_a_line_that_is_too_long)
{
    auto pair = make_pair();
    ASSERT_TRUE(write_all(pair.theirs.get(), std::string(100, 'x')).ok());
    EXPECT_EQ(pair.ours.read_line(99, soon()).error().code(), Code::resource_exhausted);
}

TEST(UnixStream, says_unavailable_when_the_other_side_is_gone)
{
    auto pair = make_pair();
    ASSERT_TRUE(write_all(pair.theirs.get(), "half").ok());
    pair.theirs.reset();
    EXPECT_EQ(pair.ours.read_line(99, soon()).error().code(), Code::unavailable);
    EXPECT_EQ(pair.ours.send("x", soon()).error().code(), Code::unavailable);
}

TEST(UnixStream, stops_sending_to_one_who_does_not_read)
{
    auto pair = make_pair();
    EXPECT_EQ(pair.ours.send(std::string(16u << 20, 'x'), shortly()).error().code(), Code::deadline_exceeded);
}

TEST(UnixStream, connects_by_a_path_longer_than_an_address)
{
    Directory const root;
    auto const deep = root.path + "/" + std::string(100, 'd') + "/" + std::string(100, 'e');
    ASSERT_TRUE(make_directories(deep).ok());
    auto const listener = listen_at(deep, "monitor");
    EXPECT_TRUE(UnixStream::connect(deep + "/monitor", soon()).ok());
}

TEST(UnixStream, tells_absence_a_stale_socket_and_a_full_queue_apart)
{
    Directory const root;
    EXPECT_EQ(UnixStream::connect(root.path + "/none", soon()).error().code(), Code::not_found);
    listen_at(root.path, "stale").reset();
    EXPECT_EQ(UnixStream::connect(root.path + "/stale", soon()).error().code(), Code::unavailable);
    auto const listener = listen_at(root.path, "full");
    auto const first = UnixStream::connect(root.path + "/full", soon());
    EXPECT_TRUE(first.ok());
    EXPECT_EQ(UnixStream::connect(root.path + "/full", shortly()).error().code(), Code::deadline_exceeded);
}

} // namespace
} // namespace nova::sys
