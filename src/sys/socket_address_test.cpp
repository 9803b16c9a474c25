#include "sys/socket_address.h"

#include <gtest/gtest.h>

namespace nova::sys {
namespace {

std::string name_in(const SocketAddress& address) { return reinterpret_cast<const sockaddr_un*>(address.get())->sun_path; }

TEST(SocketAddress, is_the_path_itself_where_that_fits)
{
    EXPECT_EQ(name_in(SocketAddress::of("/run/s").value()), "/run/s");
    auto const longest = "/" + std::string(106, 'x');
    EXPECT_EQ(name_in(SocketAddress::of(longest).value()), longest);
}

TEST(SocketAddress, goes_through_the_directory_where_it_does_not)
{
    std::string path = "/proc/self";
    for (int repeated = 0; repeated < 30; ++repeated)
        path += "/../self";
    auto const address = SocketAddress::of(path + "/socket").value();
    EXPECT_TRUE(name_in(address).starts_with("/proc/self/fd/"));
    EXPECT_TRUE(name_in(address).ends_with("/socket"));
}

TEST(SocketAddress, refuses_an_empty_path_a_last_part_too_long_and_a_directory_that_is_not_there)
{
    EXPECT_EQ(SocketAddress::of("").error().message(), "the path of a socket is empty");
    auto const name = std::string(108, 'x');
    EXPECT_EQ(SocketAddress::of("/run/" + name).error().message(), "socket path /run/" + name + ": its last part is too long");
    EXPECT_EQ(SocketAddress::of(name).error().code(), base::Code::invalid_argument);
    EXPECT_EQ(SocketAddress::of("/none/" + name).error().code(), base::Code::not_found);
}

} // namespace
} // namespace nova::sys
