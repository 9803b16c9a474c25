#include "control/workload_controller.h"

#include "control/capsule_plan.h"
#include "control/world_testing.h"

namespace nova::control::test {
namespace {

using model::VirtualMachine;
using Words = std::vector<std::string>;

constexpr auto id = "vm.default.probe";
const model::Key key{"VirtualMachine", "default", "probe"};

/// A kind of workload that only writes down what it is told to do.
class Noting final : public WorkloadController<VirtualMachine> {
public:
    Noting(Context& context, std::optional<std::chrono::milliseconds> again = {})
        : WorkloadController(context, {"asked; it has ", "did not end within ", again})
    {}

    Words take() { return std::exchange(did_, {}); }

    std::optional<base::Error> failure;

private:
    Result<Next> note(const std::string& what)
    {
        did_.push_back(what);
        if (failure)
            return *failure;
        return Next::settled();
    }

    std::string directory(const VirtualMachine&) const override { return context_.places.state + "/probe"; }
    Result<Next> launch(VirtualMachine& machine) override
    {
        auto const next = TRY(note("launch"));
        TRY(context_.store.put_status(machine));
        return next;
    }
    Result<Next> look_after(VirtualMachine&, const model::ProcessStatus&) override { return note("look after"); }
    Status ask_to_end(VirtualMachine&, const model::ProcessStatus&, Ask ask) override
    {
        TRY(note(ask == Ask::first ? "ask" : ask == Ask::again ? "ask again" : "ask too late"));
        return base::done();
    }
    Status kill(const VirtualMachine&) override
    {
        TRY(note("kill"));
        return base::done();
    }
    bool is_done(const VirtualMachine&, const model::ProcessStatus& ended) const override { return ended.exit_code == 0; }
    bool starts_after_reboot(const VirtualMachine&) const override { return false; }
    Result<Next> report_done(VirtualMachine&, const model::ProcessStatus&) override { return note("done"); }
    Status report_crashed(VirtualMachine& machine, const model::ProcessStatus&) override
    {
        TRY(note("crashed"));
        return context_.store.put_status(machine);
    }
    std::string& told_end(VirtualMachine& machine) const override { return machine.status.finished; }
    Result<Next> report_stopped(VirtualMachine&, const Observed&) override { return note("stopped"); }
    Result<Next> tear_down(VirtualMachine&) override { return note("tear down"); }

    Words did_;
};

class WorkloadTest : public testing::Test {
protected:
    WorkloadTest() { world.put("VirtualMachine", "probe", {{"kernel", "/boot/vmlinuz"}, {"gracePeriodSeconds", 30}}); }

    Result<Next> pass() { return controller.reconcile(key); }
    /// What it did in one pass that went well.
    Words did()
    {
        auto const outcome = pass();
        EXPECT_TRUE(outcome.ok()) << outcome.error().message();
        return controller.take();
    }
    /// As if it had been started from what its object says.
    void is_applied(bool done = false)
    {
        auto const machine = world.store.get<VirtualMachine>("default", "probe").value();
        ASSERT_TRUE(sys::make_directories(world.root() + "/probe").ok());
        ASSERT_TRUE(write_applied(world.root() + "/probe", {process_digest(machine), "", "", {}, done}).ok());
    }
    void runs()
    {
        is_applied();
        model::ProcessSpec spec;
        spec.id = id;
        (void)world.supervisor.start(spec).value();
    }
    void stop() { world.merge_spec("VirtualMachine", "probe", {{"running", false}}); }
    std::string status(const char* field) { return text_of(world.read("VirtualMachine", "probe"), field); }
    std::int64_t warnings(const std::string& reason)
    {
        std::int64_t count = 0;
        for (const auto& event : world.store.list<model::Event>().value())
            count += event.reason == reason ? event.count : 0;
        return count;
    }

    World world;
    Context context = world.context();
    Noting controller{context};
};

TEST_F(WorkloadTest, is_left_alone_where_its_object_is_gone)
{
    EXPECT_TRUE(controller.reconcile({"VirtualMachine", "default", "other"}).ok());
    EXPECT_EQ(controller.take(), Words{});
}

TEST_F(WorkloadTest, is_launched_where_nothing_runs_and_looked_after_where_it_does)
{
    EXPECT_EQ(did(), Words{"launch"});
    runs();
    EXPECT_EQ(did(), Words{"look after"});
}

TEST_F(WorkloadTest, ends_first_where_it_runs_from_another_spec)
{
    runs();
    world.merge_spec("VirtualMachine", "probe", {{"memory", "64Mi"}});
    EXPECT_EQ(did(), Words{"ask"});
    world.supervisor.end(id, 0);
    EXPECT_EQ(did(), Words{"launch"});
}

TEST_F(WorkloadTest, is_asked_first_and_then_again_while_its_grace_lasts)
{
    runs();
    stop();
    auto const before = std::chrono::steady_clock::now();
    auto const next = pass();
    auto const took = std::chrono::steady_clock::now() - before;
    EXPECT_EQ(controller.take(), Words{"ask"});
    EXPECT_GT(*next.value().again_after + took, 29s) << "asked once, it is left alone until its grace is over";
    EXPECT_EQ(status("/status/phase"), "Stopping");
    EXPECT_EQ(status("/status/conditions/0/message"), "asked; it has 30 s");
    EXPECT_EQ(did(), Words{"ask again"});
    world.supervisor.end(id, 0);
    EXPECT_EQ(did(), Words{"stopped"});
}

TEST_F(WorkloadTest, takes_an_end_that_was_asked_for_for_none_of_its_own)
{
    runs();
    stop();
    EXPECT_EQ(did(), Words{"ask"});
    world.merge_spec("VirtualMachine", "probe", {{"running", true}});
    world.supervisor.end(id, 0);
    EXPECT_EQ(did(), Words{"launch"});
}

TEST_F(WorkloadTest, is_looked_at_again_as_often_as_its_kind_wants_to_ask)
{
    Noting often{context, 2500ms};
    runs();
    stop();
    EXPECT_EQ(often.reconcile(key).value().again_after, 2500ms);
}

TEST_F(WorkloadTest, is_killed_when_its_grace_is_over_and_that_is_told_once)
{
    runs();
    world.merge_spec("VirtualMachine", "probe", {{"gracePeriodSeconds", 0}, {"running", false}});
    EXPECT_EQ(did(), (Words{"ask too late", "kill"}));
    EXPECT_EQ(did(), Words{"kill"});
    EXPECT_EQ(warnings("Killed"), 1);
}

TEST_F(WorkloadTest, is_torn_down_once_it_is_deleted_and_does_not_run)
{
    runs();
    world.remove("VirtualMachine", "probe");
    EXPECT_EQ(did(), Words{"ask"});
    EXPECT_EQ(status("/status/phase"), "Terminating");
    world.supervisor.end(id, 0);
    EXPECT_EQ(did(), Words{"tear down"});
}

TEST_F(WorkloadTest, starts_again_at_once_after_a_crash_and_then_after_a_while)
{
    runs();
    world.supervisor.end(id, 3);
    EXPECT_EQ(did(), Words{"launch"});
    world.supervisor.processes.at(id).state = State::running; // What was launched,
    world.supervisor.end(id, 3, 1h);                          // and does not end long before we look.
    auto const next = pass();
    EXPECT_EQ(controller.take(), Words{"crashed"});
    EXPECT_GT(next.value().again_after, 0ms);
    EXPECT_LE(next.value().again_after, 1h + 1000ms);
    EXPECT_EQ(did(), Words{"crashed"});
    EXPECT_EQ(warnings("Crashed"), 2) << "one for each end, however often it is looked at";
}

TEST_F(WorkloadTest, stays_ended_where_that_is_its_wish_also_when_nobody_knows_of_its_process_any_more)
{
    runs();
    world.supervisor.end(id, 0);
    EXPECT_EQ(did(), Words{"done"});
    ASSERT_TRUE(world.supervisor.forget(id).ok());
    is_applied(true);
    EXPECT_EQ(did(), Words{});
    is_applied(false);
    EXPECT_EQ(did(), Words{"launch"});
}

TEST_F(WorkloadTest, tells_a_failure_once_and_what_it_waits_for_never_as_one)
{
    controller.failure = Error{Code::unavailable, "no address yet"};
    EXPECT_FALSE(pass().ok());
    EXPECT_EQ(status("/status/phase"), "Pending");
    EXPECT_EQ(warnings("Failed"), 0);

    controller.failure = Error{Code::not_found, "no kernel"};
    EXPECT_FALSE(pass().ok());
    EXPECT_FALSE(pass().ok());
    EXPECT_EQ(status("/status/phase"), "Failed");
    EXPECT_EQ(status("/status/conditions/0/message"), "no kernel");
    EXPECT_EQ(warnings("Failed"), 1);
}

TEST_F(WorkloadTest, keeps_its_phase_where_something_beside_it_fails_and_says_nothing_where_it_was_overtaken)
{
    runs();
    controller.failure = Error{Code::aborted, "changed meanwhile"};
    EXPECT_FALSE(pass().ok());
    EXPECT_EQ(status("/status/conditions/0/message"), "");
    controller.failure = Error{Code::not_found, "no bridge"};
    EXPECT_FALSE(pass().ok());
    EXPECT_NE(status("/status/phase"), "Failed");
    EXPECT_EQ(status("/status/conditions/0/message"), "no bridge");
}

} // namespace
} // namespace nova::control::test
