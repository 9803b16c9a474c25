#pragma once

#include "control/workload_controller.h"

namespace nova::control {

/// Virtual machines: disks, tap and process in place; the power button, a deadline, then the end.
class MachineController final : public WorkloadController<model::VirtualMachine> {
public:
    explicit MachineController(Context& context);

private:
    std::string directory(const model::VirtualMachine& machine) const override;
    Result<Next> launch(model::VirtualMachine& machine) override;
    Result<Next> look_after(model::VirtualMachine& machine, const model::ProcessStatus& running) override;
    Status ask_to_end(model::VirtualMachine& machine, const model::ProcessStatus& running, Ask ask) override;
    Status kill(const model::VirtualMachine& machine) override;
    bool is_done(const model::VirtualMachine& machine, const model::ProcessStatus& ended) const override;
    bool starts_after_reboot(const model::VirtualMachine&) const override { return false; }
    Result<Next> report_done(model::VirtualMachine& machine, const model::ProcessStatus& ended) override;
    Status report_crashed(model::VirtualMachine& machine, const model::ProcessStatus& ended) override;
    std::string& told_end(model::VirtualMachine& machine) const override { return machine.status.finished; }
    Result<Next> report_stopped(model::VirtualMachine& machine, const Observed& ended) override;
    Result<Next> tear_down(model::VirtualMachine& machine) override;

    Result<Next> report_running(model::VirtualMachine& machine);
    Result<Next> report_ended(model::VirtualMachine& machine, const Observed& ended, const std::string& why);
    void note_running(model::VirtualMachine& machine, const model::ProcessStatus& running);
    static void note_end(model::VirtualMachine& machine, const model::ProcessStatus& ended);

    Status start(model::VirtualMachine& machine, const vm::MachinePlan& plan);
    Result<vm::MachinePlan> plan(const model::VirtualMachine& machine, const std::optional<Plug>& plug);
    Result<std::optional<Plug>> plug_in(const model::VirtualMachine& machine);
    vm::Acceleration acceleration(const model::VirtualMachine& machine) const;
};

} // namespace nova::control
