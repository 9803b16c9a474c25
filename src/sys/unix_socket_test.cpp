#include "sys/unix_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/abort_guard_testing.h"
#include "sys/fifo.h"
#include "sys/file.h"
#include "sys/local_socket.h"
#include "sys/random.h"

namespace nova::sys {
namespace {

using base::Code;

class UnixSocketTest : public testing::Test {
protected:
    UnixSocketTest() { make_directories(root).value(); }
    ~UnixSocketTest() override { remove_tree(root).value(); }
    std::string const root = testing::TempDir() + "socket-" + random_hex(12);
    base::AbortGuard const guard{root};
};

TEST_F(UnixSocketTest, carries_messages_with_their_borders_and_descriptors)
{
    auto const [a, b] = socket_pair(SocketKind::packets).value();
    auto const file = open_file("/proc/self/comm", O_RDONLY).value();
    int const fds[] = {file.get()};
    ASSERT_TRUE(send_message(a.get(), "first").ok());
    ASSERT_TRUE(send_message(a.get(), "second", fds).ok());
    EXPECT_EQ(receive_message(b.get()).value()->text, "first");
    auto const second = receive_message(b.get()).value();
    EXPECT_EQ(second->text, "second");
    EXPECT_FALSE(read_all(second->fds.at(0).get()).value().empty());
}

TEST_F(UnixSocketTest, tells_the_end_and_throws_away_what_is_too_long)
{
    auto ends = socket_pair(SocketKind::packets).value();
    ASSERT_TRUE(send_message(ends.first.get(), std::string(1000, 'x')).ok());
    EXPECT_EQ(receive_message(ends.second.get(), 100).error().code(), Code::resource_exhausted);
    ends.first.reset();
    EXPECT_EQ(receive_message(ends.second.get()).value().has_value(), false);
    EXPECT_EQ(send_message(ends.second.get(), "x").error().code(), Code::unavailable);
}

TEST_F(UnixSocketTest, replaces_an_abandoned_file_but_never_one_that_is_served)
{
    auto const path = root + "/s";
    auto listener = listen_unix(path, SocketKind::stream).value();
    EXPECT_EQ(listen_unix(path, SocketKind::stream).error().code(), Code::already_exists);
    listener.reset();
    EXPECT_EQ(connect_unix(path, SocketKind::stream).error().code(), Code::unavailable);
    EXPECT_TRUE(listen_unix(path, SocketKind::stream).ok());
    EXPECT_EQ(connect_unix(root + "/none", SocketKind::stream).error().code(), Code::not_found);
}

TEST_F(UnixSocketTest, waits_no_longer_than_it_shall_for_one_who_lets_nobody_in)
{
    auto const path = root + "/s";
    auto const listener = listen_unix(path, SocketKind::stream).value();
    ASSERT_EQ(::listen(listener.get(), 0), 0);
    auto const first = connect_unix(path, SocketKind::stream).value(); // Waits in the queue, which is full now.

    EXPECT_TRUE(failed_with(connect_unix(path, SocketKind::stream, std::chrono::seconds{1}), Code::deadline_exceeded));
    EXPECT_TRUE(failed_with(connect_local(path, std::chrono::seconds{1}), Code::deadline_exceeded));
}

TEST_F(UnixSocketTest, takes_paths_longer_than_the_kernel_s_address)
{
    auto const directory = root + "/" + std::string(120, 'd');
    make_directories(directory).value();
    auto const listener = listen_unix(directory + "/s", SocketKind::packets, 0666).value();
    struct stat found {};
    ASSERT_EQ(::stat((directory + "/s").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0666u);
    auto const connected = connect_unix(directory + "/s", SocketKind::packets).value();
    auto const accepted = accept_unix(listener.get()).value();
    EXPECT_EQ(peer_of(accepted->get()).value().pid, ::getpid());
}

TEST_F(UnixSocketTest, fifo_keeps_what_was_written_and_refuses_other_files)
{
    ASSERT_TRUE(ensure_fifo(root + "/f").ok());
    ASSERT_TRUE(ensure_fifo(root + "/f").ok());
    auto const writer = open_fifo(root + "/f").value();
    {
        auto const reader = open_fifo(root + "/f").value();
    }
    ASSERT_TRUE(write_all(writer.get(), "kept").ok());
    auto const reader = open_fifo(root + "/f").value();
    char buffer[16];
    EXPECT_EQ(::read(reader.get(), buffer, sizeof buffer), 4);
    write_file_atomically(root + "/plain", "").value();
    EXPECT_EQ(ensure_fifo(root + "/plain").error().code(), Code::already_exists);
    EXPECT_EQ(open_fifo(root + "/plain").error().code(), Code::invalid_argument);
}

} // namespace
} // namespace nova::sys
