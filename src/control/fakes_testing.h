#pragma once

#include <csignal>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "network/networks.h"
#include "supervisor/client.h"
#include "vm/hypervisor.h"

/// The swapped interfaces, in memory: what a daemon would find again after it was killed lies in them and in the keyspace.
namespace nova::control::test {

using base::Code;
using base::Error;
using base::Result;
using base::Status;
using State = model::ProcessStatus::State;

/// Lets the daemon "die" at its nth call of a driver: from then on every call fails, before or after it took effect.
class Faults {
public:
    enum class When { before_effect, after_effect };

    void strike_at(std::size_t call, When when)
    {
        std::lock_guard const lock{mutex_};
        strike_at_ = call;
        when_ = when;
        calls_ = 0;
        struck_ = false;
    }
    void heal() { strike_at(0, When::before_effect); }
    bool struck() const
    {
        std::lock_guard const lock{mutex_};
        return struck_;
    }

    /// Runs the call's effect and gives its result, or the fault.
    template <typename Call>
    auto pass(Call&& call) -> decltype(call())
    {
        std::lock_guard const lock{mutex_}; // Also guards the fakes' data: each call is one instant.
        bool const was_struck = struck_;
        if (strike_at_ != 0 && ++calls_ == strike_at_)
            struck_ = true;
        if (was_struck || (struck_ && when_ == When::before_effect))
            return Error{Code::internal, "the fault of this test"};
        auto result = call();
        if (struck_)
            return Error{Code::internal, "the fault of this test"};
        return result;
    }

    std::unique_lock<std::mutex> hold() const { return std::unique_lock{mutex_}; }

private:
    mutable std::mutex mutex_;
    std::size_t strike_at_ = 0;
    std::size_t calls_ = 0;
    When when_ = When::before_effect;
    bool struck_ = false;
};

class FakeSupervisor final : public supervisor::Client {
public:
    explicit FakeSupervisor(Faults& faults) : faults_(faults) {}

    Result<model::ProcessStatus> start(const model::ProcessSpec& spec) override
    {
        auto started = faults_.pass([&]() -> Result<model::ProcessStatus> {
            auto& process = processes[spec.id];
            if (process.pid != 0 && process.state == State::running)
                return Error{Code::already_exists, spec.id + " runs already"};
            process = {spec.id, State::running, next_pid++, std::nullopt, now(), ""};
            starts[spec.id] += 1;
            if (dies_at_once.contains(spec.id)) {
                process.state = State::exited;
                process.exit_code = 1;
                process.finished = now();
            }
            return process;
        });
        tell(spec.id);
        return started;
    }
    Result<std::vector<model::ProcessStatus>> list() override { return std::vector<model::ProcessStatus>{}; }
    Result<model::ProcessStatus> get(const std::string& id) override
    {
        return faults_.pass([&]() -> Result<model::ProcessStatus> {
            auto const found = processes.find(id);
            if (found == processes.end())
                return Error{Code::not_found, "there is no process " + id};
            return found->second;
        });
    }
    Status signal(const std::string& id, int signal) override
    {
        auto sent = faults_.pass([&]() -> Status {
            signals[id].push_back(signal);
            if (signal == SIGKILL || !ignores_term.contains(id))
                finish(id, 128 + signal);
            return base::done();
        });
        tell(id);
        return sent;
    }
    Status forget(const std::string& id) override
    {
        return faults_.pass([&]() -> Status {
            if (processes.contains(id) && processes[id].state == State::running)
                return Error{Code::failed_precondition, "it runs"};
            processes.erase(id);
            return base::done();
        });
    }
    Result<supervisor::ExecSession> exec(const supervisor::ExecSpec&) override { return Error{Code::unimplemented, ""}; }
    Result<supervisor::AttachSession> attach(const std::string&) override { return Error{Code::unimplemented, ""}; }
    Status resize(const std::string&, std::uint16_t, std::uint16_t) override { return base::done(); }
    Status upgrade(const sys::UniqueFd&) override { return base::done(); }
    Status shut_down() override { return base::done(); }
    void on_change(std::function<void(const std::string& id)> call) override
    {
        std::lock_guard const lock{telling_};
        call_ = std::move(call);
    }

    /// As the process itself would: it ends. Without a code: nobody saw how. `ahead`: by a clock that goes so much before ours,
    /// for who must see it soon after its end however slow the machine is.
    void end(const std::string& id, std::optional<int> code, std::chrono::milliseconds ahead = {})
    {
        {
            auto const lock = faults_.hold();
            finish(id, code, ahead);
        }
        tell(id);
    }
    std::optional<model::ProcessStatus> look(const std::string& id)
    {
        auto const lock = faults_.hold();
        return processes.contains(id) ? std::optional{processes[id]} : std::nullopt;
    }
    bool is_running(const std::string& id)
    {
        auto const found = look(id);
        return found && found->state == State::running;
    }
    int count_starts(const std::string& id)
    {
        auto const lock = faults_.hold();
        return starts[id];
    }
    void tell(const std::string& id)
    {
        std::lock_guard const lock{telling_};
        if (call_)
            call_(id);
    }
    /// With the faults' lock held.
    void finish(const std::string& id, std::optional<int> code, std::chrono::milliseconds ahead = {})
    {
        if (auto const found = processes.find(id); found != processes.end() && found->second.state == State::running) {
            found->second.state = code ? State::exited : State::lost;
            found->second.exit_code = code;
            found->second.finished = now(ahead);
            last_end = std::chrono::steady_clock::now();
        }
    }

    std::map<std::string, model::ProcessStatus> processes;
    std::map<std::string, std::vector<int>> signals;
    std::map<std::string, int> starts;
    std::chrono::steady_clock::time_point last_end{}; ///< Of whichever process.
    std::set<std::string> ignores_term;
    std::set<std::string> dies_at_once;

private:
    static std::string now(std::chrono::milliseconds ahead = {})
    {
        return base::to_rfc3339(base::system_clock().now() + ahead, 9);
    }

    Faults& faults_;
    std::int64_t next_pid = 1000;
    std::mutex telling_;
    std::function<void(const std::string&)> call_;
};

class FakeNetworks final : public network::Networks {
public:
    explicit FakeNetworks(Faults& faults) : faults_(faults) {}

    Status ensure_switch(const network::SwitchPlan& plan) override
    {
        return faults_.pass([&]() -> Status {
            if (foreign_links.contains(plan.bridge))
                return Error{Code::already_exists, "link " + plan.bridge + " belongs to somebody else"};
            if (!failure.empty())
                return Error{Code::internal, failure};
            switches[plan.name] = plan;
            return base::done();
        });
    }
    Status remove_switch(const std::string& name) override
    {
        return faults_.pass([&]() -> Status { return switches.erase(name), base::done(); });
    }
    Result<network::SwitchState> observe_switch(const std::string&) override { return network::SwitchState{}; }
    Result<std::vector<network::SwitchPlan>> list_switches() override { return std::vector<network::SwitchPlan>{}; }
    std::vector<Error> list_broken() override { return {}; }
    Status check_port(const std::string& name, const network::PublishedPort& port) override
    {
        return faults_.pass([&]() -> Status {
            auto const& published = switches[name].ports;
            bool const ours = std::find(published.begin(), published.end(), port) != published.end();
            if (ours || !taken_ports.contains(port.host_port))
                return base::done();
            return Error{Code::failed_precondition, "port " + std::to_string(port.host_port) + " is in use"};
        });
    }
    Result<std::optional<model::ProcessSpec>> service(const std::string& name) override
    {
        return faults_.pass([&]() -> Result<std::optional<model::ProcessSpec>> {
            if (!switches.contains(name) || !switches[name].dns)
                return std::optional<model::ProcessSpec>{};
            model::ProcessSpec spec;
            spec.id = "dns." + name;
            return std::optional{spec};
        });
    }
    Result<std::string> ensure_capsule(const network::EndpointPlan& plan) override
    {
        return faults_.pass([&]() -> Result<std::string> {
            TRY(plug_in(plan));
            return "/run/netns/" + plan.id;
        });
    }
    Status ensure_tap(const network::EndpointPlan& plan) override
    {
        return faults_.pass([&] { return plug_in(plan); });
    }
    Status remove_endpoint(const network::EndpointPlan& plan) override
    {
        return faults_.pass([&]() -> Status { return endpoints.erase(plan.id), base::done(); });
    }
    Status on_change(std::function<void(const std::string&)> call) override
    {
        std::lock_guard const lock{telling_};
        call_ = std::move(call);
        return base::done();
    }
    Status sweep(const std::vector<network::EndpointPlan>& keep) override
    {
        return faults_.pass([&]() -> Status {
            std::set<std::string> kept;
            for (const auto& plan : keep)
                kept.insert(plan.id);
            std::erase_if(endpoints, [&](const auto& entry) { return !kept.contains(entry.first); });
            return base::done();
        });
    }

    std::optional<network::SwitchPlan> look(const std::string& name)
    {
        auto const lock = faults_.hold();
        return switches.contains(name) ? std::optional{switches[name]} : std::nullopt;
    }
    std::optional<network::EndpointPlan> look_endpoint(const std::string& id)
    {
        auto const lock = faults_.hold();
        return endpoints.contains(id) ? std::optional{endpoints[id]} : std::nullopt;
    }
    void lose_switches() ///< ip link del
    {
        auto const lock = faults_.hold();
        switches.clear();
    }
    void tell(const std::string& endpoint) ///< The kernel's word, of links that are gone and rules that were changed.
    {
        std::lock_guard const lock{telling_};
        if (call_)
            call_(endpoint);
    }

    std::map<std::string, network::SwitchPlan> switches;
    std::map<std::string, network::EndpointPlan> endpoints;
    std::set<std::string> foreign_links;
    std::set<int> taken_ports; ///< By programs of the host.
    std::string failure;

private:
    Status plug_in(const network::EndpointPlan& plan)
    {
        for (const auto& [name, one] : switches)
            if (one.bridge == plan.bridge) {
                endpoints[plan.id] = plan;
                return base::done();
            }
        return Error{Code::failed_precondition, "there is no bridge " + plan.bridge + " of ours"};
    }

    Faults& faults_;
    std::mutex telling_;
    std::function<void(const std::string&)> call_;
};

class FakeHypervisor final : public vm::Hypervisor {
public:
    FakeHypervisor(Faults& faults, FakeSupervisor& supervisor) : faults_(faults), supervisor_(supervisor) {}

    Result<model::ProcessSpec> prepare(const vm::MachinePlan& plan) override
    {
        return faults_.pass([&]() -> Result<model::ProcessSpec> {
            if (!failure.empty())
                return Error{Code::not_found, failure};
            std::filesystem::create_directories(plan.directory);
            plans[plan.id] = plan;
            model::ProcessSpec spec;
            spec.id = plan.id;
            return spec;
        });
    }
    Result<vm::Power> observe(const vm::MachinePlan&) override
    {
        return faults_.pass([&]() -> Result<vm::Power> { return vm::Power::on; });
    }
    Status press_power_button(const vm::MachinePlan& plan) override
    {
        bool ended = false;
        auto pressed = faults_.pass([&]() -> Status {
            presses += 1;
            ended = !deaf;
            if (ended)
                supervisor_.finish(plan.id, 0);
            return base::done();
        });
        if (ended)
            supervisor_.tell(plan.id);
        return pressed;
    }
    Status quit(const vm::MachinePlan& plan) override
    {
        auto ended = faults_.pass([&]() -> Status { return supervisor_.finish(plan.id, 0), base::done(); });
        supervisor_.tell(plan.id);
        return ended;
    }
    Status pause(const vm::MachinePlan&) override { return base::done(); }
    Status resume(const vm::MachinePlan&) override { return base::done(); }
    Status remove(const vm::MachinePlan& plan) override
    {
        return faults_.pass([&]() -> Status {
            std::filesystem::remove_all(plan.directory);
            std::filesystem::remove_all(plan.run_directory);
            return base::done();
        });
    }

    std::map<std::string, vm::MachinePlan> plans;
    std::string failure;
    bool deaf = false; ///< The guest ignores the button.
    int presses = 0;

private:
    Faults& faults_;
    FakeSupervisor& supervisor_;
};

} // namespace nova::control::test
