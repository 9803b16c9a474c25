#include "sys/kvm.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace nova::sys {
namespace {

using namespace std::chrono_literals;

TEST(Kvm, is_timed_within_its_limit_or_says_why_not)
{
    auto const start = std::chrono::steady_clock::now();
    auto const timing = time_kvm(20ms);
    auto const took = std::chrono::steady_clock::now() - start;

    EXPECT_LT(took, 60s) << "the guest must be bounded";
    if (!timing.ok()) {
        EXPECT_NE(timing.error().message(), "");
        return;
    }
    EXPECT_GT(timing.value().native.count(), 0);
    RecordProperty("factor", std::to_string(timing.value().factor()));
    std::printf("KVM: %.1f times native, %lld us, all in %lld us\n", timing.value().factor(),
                static_cast<long long>(timing.value().guest.count() / 1000),
                static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

TEST(Kvm, is_interrupted_at_the_limit)
{
    auto const timing = time_kvm(1ns);
    if (!timing.ok())
        GTEST_SKIP() << timing.error().message();
    EXPECT_FALSE(timing.value().finished);
}

TEST(Kvm, leaves_signals_as_they_were)
{
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    (void)time_kvm(1ms);
    sigset_t after;
    sigset_t pending;
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    sigpending(&pending);
    for (int number = 1; number < SIGRTMAX; ++number) {
        EXPECT_EQ(sigismember(&before, number), sigismember(&after, number)) << number;
        EXPECT_EQ(sigismember(&pending, number), 0) << number;
    }
}

} // namespace
} // namespace nova::sys
