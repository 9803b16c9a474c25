#pragma once

#include "control/controller.h"
#include "control/plugs.h"
#include "control/workload.h"

namespace nova::control {

/// Virtual machines: disks, tap and process in place; the power button, a deadline, then the end.
class MachineController final : public Controller {
public:
    explicit MachineController(Context& context) : context_(context), plugs_(context) {}
    Result<Next> reconcile(const model::Key& key) override;

private:
    using Observed = std::optional<model::ProcessStatus>;

    Result<Next> step(model::VirtualMachine& machine, const Observed& observed);
    Result<Next> keep_running(model::VirtualMachine& machine, const Observed& observed);
    Result<Next> after_end(model::VirtualMachine& machine, const model::ProcessStatus& ended);
    Result<Next> launch(model::VirtualMachine& machine);
    Result<Next> halt(model::VirtualMachine& machine, const model::ProcessStatus& running);
    Result<Next> kill(const model::VirtualMachine& machine);
    Result<Next> tear_down(model::VirtualMachine& machine);
    Result<Next> report_running(model::VirtualMachine& machine);
    Result<Next> report_ended(model::VirtualMachine& machine, const Observed& ended, const std::string& why);
    Status report_failure(model::VirtualMachine& machine, const Observed& observed, const base::Error& error);
    void note_running(model::VirtualMachine& machine, const model::ProcessStatus& running);
    static void note_end(model::VirtualMachine& machine, const model::ProcessStatus& ended);

    Status start(model::VirtualMachine& machine, const vm::MachinePlan& plan);
    Result<vm::MachinePlan> plan(const model::VirtualMachine& machine, const std::optional<Plug>& plug);
    Result<std::optional<Plug>> plug_in(const model::VirtualMachine& machine);
    vm::Acceleration acceleration(const model::VirtualMachine& machine) const;
    std::string directory(const model::VirtualMachine& machine) const;

    Context& context_;
    Plugs plugs_;
    RestartDelays delays_;
    Graces graces_;
};

} // namespace nova::control
