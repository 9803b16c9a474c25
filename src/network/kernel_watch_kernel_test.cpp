#include "network/kernel_watch.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "base/asleep_testing.h"
#include "network/playground_testing.h"

namespace nova::network {

using namespace std::chrono_literals;
using testing::IsEmpty;

namespace {

/// What was told, in a test's own thread.
class Told {
public:
    void add(const std::string& endpoint)
    {
        std::lock_guard const lock{mutex_};
        told_.push_back(endpoint.empty() ? "switches" : endpoint);
        changed_.notify_all();
    }
    bool within(std::chrono::milliseconds most, const std::string& wanted)
    {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, most, [&] { return std::ranges::find(told_, wanted) != told_.end(); });
    }
    /// Forgets all, and what comes within a pause.
    void forget()
    {
        std::this_thread::sleep_for(300ms);
        std::lock_guard const lock{mutex_};
        told_.clear();
    }
    std::vector<std::string> after(std::chrono::milliseconds pause)
    {
        std::this_thread::sleep_for(pause);
        std::lock_guard const lock{mutex_};
        return told_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> told_;
};

class Watch : public Playground {
protected:
    void SetUp() override
    {
        Playground::SetUp();
        if (HasFatalFailure() || IsSkipped())
            return;
        networks = open();
        ASSERT_TRUE(networks->ensure_switch(lab).ok());
        ASSERT_TRUE(networks->ensure_capsule(plug("one", lab, 11)).ok());
        auto const watching = networks->on_change([this](const std::string& endpoint) { told.add(endpoint); });
        ASSERT_TRUE(watching.ok()) << watching.error().message();
        ASSERT_THAT(told.after(200ms), IsEmpty()) << "what is whole from the beginning is nothing to tell";
    }
    void TearDown() override
    {
        networks.reset();
        Playground::TearDown();
    }
    void shell(const std::vector<std::string>& argv) { (void)run_in("", argv); }

    SwitchPlan lab = nat();
    Told told;
    std::unique_ptr<Networks> networks;
};

} // namespace

TEST_F(Watch, tells_what_is_done_to_our_switches)
{
    for (const auto& command : std::vector<std::vector<std::string>>{{"ip", "link", "set", lab.bridge, "down"},
                                                                     {"ip", "addr", "flush", "dev", lab.bridge},
                                                                     {"ip", "link", "set", "ve-one", "nomaster"},
                                                                     {"nft", "flush", "ruleset"},
                                                                     {"nft", "flush", "chain", "inet", "nova_0000aaaa", "guard"},
                                                                     {"ip", "link", "set", "dev", lab.bridge, "alias", "stolen"},
                                                                     {"ip", "link", "del", lab.bridge}}) {
        SCOPED_TRACE(command[1] + " " + command[2] + " " + command.back());
        shell(command);
        EXPECT_TRUE(told.within(30s, "switches"));
        if (command.back() == "stolen")
            shell({"ip", "link", "set", "dev", lab.bridge, "alias", "nova:0000aaaa:switch:lab"});
        EXPECT_TRUE(networks->ensure_switch(lab).ok());
        EXPECT_TRUE(networks->observe_switch("lab").value().active());
        told.forget();
    }
}

TEST_F(Watch, tells_whose_plug_was_pulled)
{
    shell({"ip", "link", "del", "ve-one"});
    EXPECT_TRUE(told.within(30s, plug("one", lab, 11).id));
    EXPECT_TRUE(networks->ensure_capsule(plug("one", lab, 11)).ok());
    told.forget();
    shell({"ip", "link", "del", "ve-one"});
    EXPECT_TRUE(told.within(30s, plug("one", lab, 11).id)) << "the new one is known too";
}

TEST_F(Watch, is_silent_about_what_others_do)
{
    shell({"ip", "link", "add", "theirs", "type", "bridge"});
    shell({"ip", "link", "set", "theirs", "up"});
    shell({"ip", "addr", "add", "10.99.0.1/24", "dev", "theirs"});
    shell({"ip", "link", "add", "port", "type", "veth", "peer", "name", "peer"});
    shell({"ip", "link", "set", "port", "master", "theirs"});
    shell({"ip", "link", "set", "port", "nomaster"});
    shell({"ip", "addr", "del", "10.99.0.1/24", "dev", "theirs"});
    shell({"nft", "add", "table", "inet", "theirs"});
    shell({"nft", "delete", "table", "inet", "theirs"});
    shell({"ip", "link", "del", "theirs"});
    EXPECT_THAT(told.after(400ms), IsEmpty());
}

TEST_F(Watch, comes_to_rest_when_who_is_told_ensures_everything)
{
    std::atomic<int> passes = 0;
    auto const watching = networks->on_change([&](const std::string&) {
        passes += 1;
        EXPECT_TRUE(networks->ensure_switch(lab).ok());
        EXPECT_TRUE(networks->ensure_capsule(plug("one", lab, 11)).ok());
    });
    ASSERT_TRUE(watching.ok());
    shell({"ip", "link", "del", lab.bridge});
    shell({"nft", "flush", "ruleset"});
    ASSERT_TRUE(eventually([&] { return passes > 0; }));
    ASSERT_TRUE(eventually([&, seen = 0]() mutable { // The kernel looks at links once a second.
        seen = passes;
        std::this_thread::sleep_for(1500ms);
        return passes == seen && base::all_others_sleep();
    }));
    int const after_repair = passes;
    EXPECT_TRUE(networks->observe_switch("lab").value().active());
    EXPECT_GE(after_repair, 1);
    EXPECT_LE(after_repair, 6);
    std::this_thread::sleep_for(500ms);
    EXPECT_EQ(passes, after_repair) << "its own repair keeps it busy";
    ASSERT_TRUE(networks->on_change({}).ok());
}

TEST_F(Watch, looks_at_everything_when_too_much_happened_at_once)
{
    std::mutex held;
    std::unique_lock hold{held};
    auto const watching = networks->on_change([&](const std::string& endpoint) {
        told.add(endpoint);
        std::lock_guard const wait{held}; // Meanwhile more happens than the socket holds.
    });
    ASSERT_TRUE(watching.ok());
    shell({"nft", "flush", "ruleset"});
    ASSERT_TRUE(told.within(30s, "switches"));
    shell({"sh", "-c",
           "ip link add many type bridge; i=0; while [ $i -lt 1500 ]; do echo link set dev many mtu $((1000 + i)); i=$((i+1)); "
           "done | ip -batch -"});
    told.forget();
    hold.unlock();
    EXPECT_TRUE(told.within(30s, "switches"));
    EXPECT_TRUE(told.within(30s, plug("one", lab, 11).id));
    ASSERT_TRUE(networks->on_change({}).ok());
}

} // namespace nova::network
