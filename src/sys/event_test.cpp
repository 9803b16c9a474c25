#include "sys/event.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace nova::sys {
namespace {

TEST(Event, lets_all_go_on_who_waited_and_who_come_late)
{
    for (int round = 0; round < 100; ++round) {
        Event event;
        int written = 0;
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                event.wait();
                EXPECT_EQ(written, 42);
            });
        EXPECT_FALSE(event.happened());
        written = 42;
        event.set();
        threads.clear();
        event.wait();
        EXPECT_TRUE(event.happened());
    }
}

} // namespace
} // namespace nova::sys
