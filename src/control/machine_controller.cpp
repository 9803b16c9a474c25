#include "control/machine_controller.h"

#include <csignal>

#include "control/capsule_plan.h"
#include "control/conditions.h"
#include "sys/file.h"

namespace nova::control {
namespace {

constexpr std::chrono::milliseconds first_look{20};
constexpr std::chrono::milliseconds patience{10'000}; // With a monitor that does not answer.
constexpr std::chrono::milliseconds press_again{2500};
constexpr std::chrono::milliseconds hung_look{5000};

std::string phase_of(vm::Power power)
{
    switch (power) {
    case vm::Power::on: return "Running";
    case vm::Power::paused: return "Paused";
    case vm::Power::crashed: return "Failed";
    case vm::Power::starting:
    case vm::Power::off: return "Starting";
    }
    return "Starting";
}

} // namespace

MachineController::MachineController(Context& context)
    : WorkloadController(context, {"the power button was pressed; the guest has ", "the guest did not end within ", press_again})
{}

Result<Next> MachineController::look_after(model::VirtualMachine& machine, const model::ProcessStatus& running)
{
    note_running(machine, running);
    TRY(plug_in(machine));
    return report_running(machine);
}

/// The guest switched itself off: that is its wish, and `nova start` brings it back.
bool MachineController::is_done(const model::VirtualMachine&, const model::ProcessStatus& ended) const
{
    return ended.exit_code == 0;
}

Result<Next> MachineController::report_done(model::VirtualMachine& machine, const model::ProcessStatus& ended)
{
    auto const settled = TRY(report_ended(machine, ended, "GuestPoweredOff"));
    TRY(keep_ended(directory(machine)));
    return settled;
}

Status MachineController::report_crashed(model::VirtualMachine& machine, const model::ProcessStatus& ended)
{
    machine.status.phase = "Failed";
    note_end(machine, ended);
    set_condition(machine.status.conditions, "Ready", false, "Crashed", ended_words(ended) + "; it will be started again");
    return context_.store.put_status(machine);
}

vm::Acceleration MachineController::acceleration(const model::VirtualMachine& machine) const
{
    if (machine.spec.acceleration == "auto")
        return context_.drivers.acceleration.use;
    return machine.spec.acceleration == "kvm" ? vm::Acceleration::kvm : vm::Acceleration::tcg;
}

std::string MachineController::directory(const model::VirtualMachine& machine) const
{
    auto const name = machine.meta.space == "default" ? machine.meta.name : machine.meta.space + "." + machine.meta.name;
    return context_.places.state + "/vms/" + name + ".vm";
}

Result<vm::MachinePlan> MachineController::plan(const model::VirtualMachine& machine, const std::optional<Plug>& plug)
{
    vm::MachinePlan plan;
    plan.id = workload_id(key_of(machine));
    plan.name = machine.meta.name;
    plan.cpus = machine.spec.cpu;
    plan.memory = machine.spec.memory;
    plan.image = machine.spec.image;
    plan.disk_size = machine.spec.disk_size;
    plan.kernel = machine.spec.kernel;
    plan.initramfs = machine.spec.initramfs;
    plan.cmdline = machine.spec.cmdline;
    plan.acceleration = acceleration(machine);
    plan.directory = directory(machine);
    plan.run_directory = context_.places.run + "/vms/" + plan.id;
    plan.log_path = log_path(context_.places, plan.id);
    if (plug) {
        plan.tap = plug->endpoint.link;
        plan.mac = plug->endpoint.mac;
    }
    return plan;
}

Result<std::optional<Plug>> MachineController::plug_in(const model::VirtualMachine& machine)
{
    if (machine.spec.network.empty())
        return std::optional<Plug>{};
    return std::optional{TRY(plugs_.ensure_tap(key_of(machine), machine.spec.network, machine.spec.mac))};
}

Result<Next> MachineController::launch(model::VirtualMachine& machine)
{
    TRY(plugs_.leave_others(key_of(machine), machine.spec.network));
    auto const plug = TRY(plug_in(machine));
    if (plug &&
        !plug->known) // Else DHCP would hand the guest some other address. The network's pass over the claim brings us back.
        return base::Error{base::Code::unavailable,
                           "network " + machine.spec.network + " does not serve " + plug->address + " yet"};
    machine.status.address = plug ? plug->address : "";
    machine.status.acceleration = std::string{vm::to_string(acceleration(machine))};
    auto const machine_plan = TRY(plan(machine, plug));
    TRY(start(machine, machine_plan));
    return Next::after(first_look);
}

Status MachineController::start(model::VirtualMachine& machine, const vm::MachinePlan& plan)
{
    TRY(sys::make_directories(plan.run_directory, 0700));
    auto const spec = TRY(context_.drivers.hypervisor.prepare(plan).context("prepare machine"));
    TRY(context_.drivers.supervisor.forget(plan.id));
    TRY(note_applied(plan.directory, {process_digest(machine), "", machine.status.address, {}}));
    auto const started = TRY(context_.drivers.supervisor.start(spec).context("start"));
    context_.events.normal(key_of(machine), machine.meta.uid, "Started",
                           "started as process " + std::to_string(started.pid) + " under " + machine.status.acceleration);
    return keep_applied(plan.directory);
}

/// The button is pressed again and again: a guest that boots misses the first ones, and to repeat it is harmless.
Status MachineController::ask_to_end(model::VirtualMachine& machine, const model::ProcessStatus& running, Ask ask)
{
    if (ask == Ask::too_late)
        return base::done();
    auto const pressed = context_.drivers.hypervisor.press_power_button(TRY(plan(machine, std::nullopt)));
    if (!pressed.ok() && ask == Ask::first)
        context_.events.warning(key_of(machine), machine.meta.uid, "PowerButtonFailed", pressed.error().message());
    machine.status.pid = running.pid;
    return base::done();
}

Status MachineController::kill(const model::VirtualMachine& machine)
{
    if (context_.drivers.hypervisor.quit(TRY(plan(machine, std::nullopt))).ok())
        return base::done();
    auto killed = context_.drivers.supervisor.signal(workload_id(key_of(machine)), SIGKILL);
    return base::failed_with(killed, base::Code::not_found) ? base::done() : killed;
}

Result<Next> MachineController::tear_down(model::VirtualMachine& machine)
{
    auto const id = workload_id(key_of(machine));
    TRY(plugs_.release(key_of(machine)));
    TRY(context_.drivers.supervisor.forget(id));
    auto const machine_plan = TRY(plan(machine, std::nullopt));
    TRY(context_.drivers.hypervisor.remove(machine_plan).context("remove machine"));
    TRY(remove_log(context_.places, id));
    forget(id);
    TRY(context_.store.release(key_of(machine)));
    return Next::settled();
}

void MachineController::note_running(model::VirtualMachine& machine, const model::ProcessStatus& running)
{
    graces_.forget(running.id);
    auto& status = machine.status;
    status.phase = "Running"; // Unless the hypervisor knows better.
    status.pid = running.pid;
    status.address = read_applied(directory(machine)).value_or(Applied{}).address;
    status.mac = machine.spec.network.empty() ? ""
                 : machine.spec.mac.empty()   ? derived_mac(context_.places.instance, running.id)
                                              : machine.spec.mac;
    status.started = running.started;
    status.finished = "";
    status.exit_code = std::nullopt;
    status.acceleration = std::string{vm::to_string(acceleration(machine))};
}

void MachineController::note_end(model::VirtualMachine& machine, const model::ProcessStatus& ended)
{
    machine.status.pid = 0;
    machine.status.exit_code = ended.exit_code;
    machine.status.started = ended.started;
    machine.status.finished = ended.finished;
}

Result<Next> MachineController::report_running(model::VirtualMachine& machine)
{
    auto const machine_plan = TRY(plan(machine, std::nullopt));
    auto const observed = context_.drivers.hypervisor.observe(machine_plan).context("ask the hypervisor");
    bool const hangs = base::failed_with(observed, base::Code::deadline_exceeded);
    if (!observed.ok() && !hangs)
        return observed.error();
    auto const power = hangs ? vm::Power::starting : observed.value();
    if (power == vm::Power::crashed) // The guest can't go on; the end of its process brings us back.
        TRY(context_.drivers.hypervisor.quit(machine_plan));
    bool const up = power == vm::Power::on || power == vm::Power::paused;
    auto& status = machine.status;
    status.phase = hangs ? "Unknown" : phase_of(power);
    auto const words = up      ? std::string{}
                       : hangs ? observed.error().message()
                               : "the hypervisor says " + std::string{to_string(power)};
    set_condition(status.conditions, "Ready", up, status.phase, words);
    TRY(context_.store.put_status(machine));
    if (up)
        return Next::settled();
    return Next::after(hangs || since(status.started) > patience ? hung_look : first_look);
}

Result<Next> MachineController::report_ended(model::VirtualMachine& machine, const Observed& ended, const std::string& why)
{
    TRY(plugs_.unplug(key_of(machine)));
    graces_.forget(workload_id(key_of(machine)));
    machine.status.phase = "Stopped";
    machine.status.pid = 0;
    if (ended)
        note_end(machine, *ended);
    if (ended || machine.status.started.empty()) // Else what was said at its end holds.
        set_condition(machine.status.conditions, "Ready", false, why, ended_words(ended));
    TRY(context_.store.put_status(machine));
    return Next::settled();
}

Result<Next> MachineController::report_stopped(model::VirtualMachine& machine, const Observed& ended)
{
    return report_ended(machine, ended, "Stopped");
}

} // namespace nova::control
