#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "model/kernel_file.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/record_lock.h"
#include "vm/command_line.h"
#include "vm/config_file.h"
#include "vm/disk.h"
#include "vm/hypervisor.h"
#include "vm/qmp.h"

namespace nova::vm {
namespace {

using base::Code;
using base::Error;
using namespace std::chrono_literals;

constexpr auto monitor_limit = 2s;
constexpr auto program_name = "qemu-system-x86_64";

Result<std::string> find_qemu()
{
    auto program = sys::find_program(program_name);
    if (base::failed_with(program, Code::not_found))
        return Error{Code::not_found, std::string{program_name} + " is not installed: install the package qemu-system-x86"};
    return program;
}

Status check_plan(const MachinePlan& plan)
{
    if (plan.id.empty() || plan.id.find('/') != std::string::npos || plan.directory.empty() || plan.run_directory.empty())
        return Error{Code::invalid_argument, "the plan of a machine needs id, directory and run_directory"};
    if (plan.cpus == 0 || plan.memory.count == 0)
        return Error{Code::invalid_argument, "a machine needs a CPU and memory"};
    if (plan.kernel.empty() && plan.image.empty())
        return Error{Code::invalid_argument, "a machine needs an image or a kernel to boot from"};
    for (auto const& [what, path] : {std::pair{"image", plan.image}, {"kernel", plan.kernel}, {"initramfs", plan.initramfs}}) {
        if (!path.empty() && !path.starts_with('/'))
            return Error{Code::invalid_argument, std::string{what} + " " + path + ": not an absolute path"};
        if (!path.empty() && !std::filesystem::is_regular_file(path))
            return Error{Code::not_found, std::string{what} + " " + path + ": no such file"};
    }
    if (auto const fault = plan.kernel.empty() ? std::string{} : model::find_kernel_fault(plan.kernel); !fault.empty())
        return Error{Code::invalid_argument, "kernel " + plan.kernel + " " + fault};
    return base::done();
}

/// The rest of the file stays as it is where nothing changed: an fsync costs milliseconds, and each start comes through here.
Status write_if_changed(const std::string& path, const std::string& text)
{
    auto const before = sys::read_file(path);
    if (before.ok() && before.value() == text)
        return base::done();
    return sys::write_file_atomically(path, text);
}

/// The same file, whatever links lead to it.
bool is_same_file(const std::string& one, const std::string& other)
{
    std::error_code error;
    return std::filesystem::equivalent(one, other, error);
}

/// The machine's own disk, made where it is missing.
Result<DiskChain> ensure_disk(const MachinePlan& plan, const std::string& path)
{
    if (plan.image.empty())
        return DiskChain{};
    auto const base_image = TRY(probe_base_image(plan.image));
    if (!sys::exists(path)) {
        auto const absolute = std::filesystem::absolute(plan.image).lexically_normal().string();
        TRY(create_overlay(path, absolute, base_image, plan.disk_size));
    }
    auto const overlay = TRY(probe_overlay(path));
    if (overlay.backing.empty())
        return DiskChain{path, {}, DiskFormat::raw}; // Flattened by its owner.
    if (!is_same_file(overlay.backing, plan.image))
        return Error{Code::failed_precondition, "disk " + path + " was made on image " + overlay.backing + ", not on " +
                                                    plan.image + ": remove the machine to start anew, or give it its old image"};
    return DiskChain{path, plan.image, base_image.format};
}

Power power_of(const std::string& status)
{
    if (status == "running" || status == "suspended")
        return Power::on;
    if (status == "shutdown")
        return Power::off;
    if (status == "guest-panicked" || status == "internal-error" || status == "io-error" || status == "watchdog")
        return Power::crashed;
    if (status == "prelaunch" || status == "inmigrate")
        return Power::starting;
    return Power::paused; // paused, debug, and the states around migration and snapshots
}

bool nobody_answers(const Error& error) { return error.code() == Code::not_found || error.code() == Code::unavailable; }

class Qemu final : public Hypervisor {
public:
    Result<model::ProcessSpec> prepare(const MachinePlan& plan) override
    {
        TRY(check_plan(plan));
        auto const program = TRY(find_qemu());
        MachineFiles const files{plan};
        TRY(sys::make_directories(plan.directory, 0700));
        TRY(sys::make_directories(files.run, 0700));
        auto const disk = TRY(ensure_disk(plan, files.disk));
        TRY(write_if_changed(files.config, make_config_yaml(plan)));
        // A socket that a killed QEMU left must not answer in the new one's name; a live one's stays.
        if (!TRY(sys::is_locked_by_another(files.pid)))
            TRY(sys::remove_file(files.monitor));

        model::ProcessSpec process;
        process.id = plan.id;
        process.argv = make_command_line(program, plan, disk);
        process.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
        process.cwd = files.run;
        process.log.path = plan.log_path;
        process.console_fifo = files.console;
        return process;
    }

    Result<Power> observe(const MachinePlan& plan) override
    {
        MachineFiles const files{plan};
        auto const answer = ask(plan, "query-status");
        if (!answer.ok() && nobody_answers(answer.error()))
            return TRY(sys::is_locked_by_another(files.pid)) ? Power::starting : Power::off;
        if (!answer.ok())
            return answer.error();
        auto const& value = answer.value();
        if (!value.is_object() || !value.contains("status") || !value["status"].is_string())
            return Error{Code::data_loss, "the monitor of " + plan.id + " gives no status"};
        return power_of(value["status"].get<std::string>());
    }

    Status press_power_button(const MachinePlan& plan) override
    {
        if (TRY(observe(plan)) == Power::paused)
            TRY(command(plan, "cont"));
        return command(plan, "system_powerdown");
    }

    Status quit(const MachinePlan& plan) override
    {
        auto const answer = ask(plan, "quit");
        // QEMU may be gone before its answer is out.
        if (answer.ok() || nobody_answers(answer.error()))
            return base::done();
        return answer.error();
    }

    Status pause(const MachinePlan& plan) override { return command(plan, "stop"); }
    Status resume(const MachinePlan& plan) override { return command(plan, "cont"); }

    Status remove(const MachinePlan& plan) override
    {
        MachineFiles const files{plan};
        // What is removed with all that is in it had better be a machine's directory.
        if (!plan.directory.starts_with('/') || !plan.directory.ends_with(".vm"))
            return Error{Code::invalid_argument, "not the directory of a machine: " + plan.directory};
        if (TRY(sys::is_locked_by_another(files.pid)))
            return Error{Code::failed_precondition, plan.id + " still runs"};
        TRY(sys::remove_tree(files.run));
        return sys::remove_tree(plan.directory);
    }

private:
    static Result<nlohmann::json> ask(const MachinePlan& plan, const std::string& command)
    {
        auto const deadline = Deadline::after(monitor_limit);
        auto monitor = TRY(Qmp::connect(MachineFiles{plan}.monitor, deadline));
        return monitor.execute(command, deadline).context(plan.id);
    }

    static Status command(const MachinePlan& plan, const std::string& name)
    {
        auto const answer = ask(plan, name);
        if (answer.ok())
            return base::done();
        if (nobody_answers(answer.error()))
            return Error{Code::failed_precondition, plan.id + " does not run"};
        return answer.error();
    }
};

} // namespace

std::unique_ptr<Hypervisor> make_qemu() { return std::make_unique<Qemu>(); }

} // namespace nova::vm
