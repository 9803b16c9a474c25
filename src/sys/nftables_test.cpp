#include "sys/nftables.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <sys/socket.h>

namespace nova::sys {
namespace {

/// This process sees a kernel without nf_tables.
bool deny_netfilter()
{
    auto* const filter = ::seccomp_init(SCMP_ACT_ALLOW);
    return ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                              SCMP_A2(SCMP_CMP_EQ, NETLINK_NETFILTER)) == 0 &&
           ::seccomp_load(filter) == 0;
}

TEST(NftablesDeathTest, says_that_the_kernel_has_none_and_lets_the_process_live)
{
    auto const ask = [] {
        bool const denied = deny_netfilter();
        auto const answer = run_nftables(R"({"nftables":[{"list":{"tables":null}}]})");
        if (!answer.ok())
            std::fprintf(stderr, "%s\n", answer.error().message().c_str());
        std::_Exit(denied && base::failed_with(answer, base::Code::unavailable) ? 0 : 1);
    };
    EXPECT_EXIT(ask(), testing::ExitedWithCode(0), "kernel has none");
}

} // namespace
} // namespace nova::sys
