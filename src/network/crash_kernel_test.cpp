#include <fcntl.h>
#include <gmock/gmock.h>

#include <csignal>
#include <random>

#include "network/endpoint.h"
#include "network/playground_testing.h"
#include "sys/child.h"
#include "sys/file.h"

namespace nova::network {

namespace {

class Crashes : public Playground {
protected:
    /// Starts what makes a plug, and kills it after a while.
    void make_and_kill(const EndpointPlan& plan, std::chrono::microseconds after)
    {
        auto const options = options_of("0000aaaa");
        auto const path = root + "/request";
        ASSERT_TRUE(sys::make_directories(options.run_directory + "/netns").ok());
        auto const netns = options.run_directory + "/netns/" + plan.id;
        ASSERT_TRUE(sys::write_file_atomically(path, print_request({plan, "0000aaaa", netns})).ok());
        auto const input = sys::open_file(path, O_RDONLY).value();
        sys::ChildSpec child;
        child.program_fd = program.get();
        child.argv = {"nb", "endpoint"};
        child.in = input.get();
        auto started = sys::spawn(child);
        ASSERT_TRUE(started.ok());
        std::this_thread::sleep_for(after);
        (void)started.value().signal(SIGKILL);
        ASSERT_TRUE(started.value().wait(base::Deadline::after(std::chrono::seconds{60})).ok());
    }
};

} // namespace

TEST_F(Crashes, of_the_maker_of_plugs_leave_nothing_that_the_next_call_does_not_mend)
{
    auto const networks = open();
    auto const lab = nat();
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    auto const before = dump();
    auto const plan = plug("one", lab, 11);
    std::mt19937 random{7};
    for (int round = 0; round < 40; ++round) {
        ASSERT_NO_FATAL_FAILURE(make_and_kill(plan, std::chrono::microseconds{random() % 9000}));
        if (round % 2 == 0) {
            ASSERT_TRUE(networks->sweep({}).ok());
        } else {
            auto const made = networks->ensure_capsule(plan);
            ASSERT_TRUE(made.ok()) << made.error().message();
            auto const server = listen(made.value(), 80);
            ASSERT_EQ(reach("", server, "10.88.0.11", 80), "10.88.0.1") << "round " << round;
            ASSERT_TRUE(networks->remove_endpoint(plan).ok());
        }
        // A namespace of one that was killed takes its links along later.
        ASSERT_TRUE(eventually([&] { return dump() == before; })) << "round " << round << ": " << dump() << "not " << before;
    }
}

} // namespace nova::network
