#include "sys/local_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/abort_guard_testing.h"
#include "sys/file.h"

namespace nova::sys {
namespace {

struct LocalSocket : testing::Test {
    std::string root = testing::TempDir() + "/local_socket." + std::to_string(::getpid());
    std::string path = root + "/s";
    base::AbortGuard const guard{root};
    void SetUp() override { ASSERT_TRUE(make_directories(root).ok()); }
    void TearDown() override { ASSERT_TRUE(remove_tree(root).ok()); }
};

TEST_F(LocalSocket, tells_who_connects)
{
    auto const listener = LocalListener::open(path, 0660).value();
    auto const client = connect_local(path).value();

    auto const peer = peer_of(client.get()).value();

    EXPECT_EQ(peer.uid, ::geteuid());
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0660u);
}

TEST_F(LocalSocket, replaces_what_a_dead_process_left)
{
    std::ofstream{path} << "stale";

    auto const listener = LocalListener::open(path, 0600);

    ASSERT_TRUE(listener.ok()) << listener.error().message();
    EXPECT_TRUE(connect_local(path).ok());
}

TEST_F(LocalSocket, does_not_rob_a_living_process)
{
    auto const living = LocalListener::open(path, 0600).value();

    auto const second = LocalListener::open(path, 0600);

    EXPECT_TRUE(base::failed_with(second, base::Code::failed_precondition));
    EXPECT_TRUE(connect_local(path).ok());
}

TEST_F(LocalSocket, works_with_a_path_too_long_for_an_address)
{
    auto const deep = root + "/" + std::string(100, 'd') + "/" + std::string(50, 'e');
    ASSERT_TRUE(make_directories(deep).ok());

    auto const listener = LocalListener::open(deep + "/s", 0600).value();

    EXPECT_TRUE(connect_local(deep + "/s").ok());
}

TEST_F(LocalSocket, says_apart_nobody_there_and_nobody_listening)
{
    EXPECT_TRUE(base::failed_with(connect_local(path), base::Code::not_found));
    auto const socket = UniqueFd{::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)};
    EXPECT_TRUE(base::failed_with(connect_local(path), base::Code::unavailable));
}

} // namespace
} // namespace nova::sys
