#include "runtime/remove.h"

#include <signal.h>

#include "runtime/container_cgroup.h"
#include "runtime/container_processes.h"
#include "runtime/hooks.h"
#include "runtime/intel_rdt.h"
#include "runtime/state.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/pidfd.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;

namespace {

constexpr auto kill_deadline = std::chrono::seconds{10};

/// Its first process and, where that is no pid namespace's init, all that it left behind.
Status kill_processes(const Globals& globals, const Record& record)
{
    auto const deadline = Deadline::after(kill_deadline);
    if (auto const process = open_process(record); process.ok()) {
        (void)sys::signal_pidfd(process.value().get(), SIGKILL);
        if (!record.cgroup.empty()) // The frozen die only when they run again.
            (void)sys::Cgroup::at(record.cgroup, record.controllers).thaw(Deadline::after(std::chrono::seconds{1}));
        auto const patience = Deadline::after(std::chrono::milliseconds{500});
        while (!sys::has_ended(process.value().get()) && !deadline.passed()) {
            (void)sys::wait_pidfd(process.value().get(), Deadline::after(std::chrono::milliseconds{20}));
            if (patience.passed())
                thaw_first_process(record);
        }
    }
    return remove_cgroup(globals, record, deadline);
}

void run_poststop(const Globals& globals, const StateDirectory& directory, const Record& record)
{
    if (!record.needs_config)
        return;
    auto const text = directory.read_config();
    auto const config = text.ok() ? model::oci::parse_config(text.value(), model::oci::needs_no_seccomp)
                                  : Result<model::oci::Config>{text.error()};
    if (!config.ok())
        return;
    run_poststop_hooks(globals, config.value().hooks.poststop, state_json(record, Phase::stopped));
}

} // namespace

Status remove_container(const Globals& globals, const std::string& id, Force force)
{
    auto opened = StateDirectory::open(globals.root, id);
    if (force == Force::yes && failed_with(opened, Code::not_found))
        return done();
    auto directory = TRY(std::move(opened));
    auto locked = directory.lock();
    if (failed_with(locked, Code::not_found))
        return force == Force::yes ? done() : Status{Error{Code::not_found, "container \"" + id + "\" does not exist"}};
    TRY(std::move(locked));
    auto const record = directory.read();
    if (!record.ok()) // A create that was killed before it wrote anything.
        return force == Force::yes ? directory.remove() : Status{Error{record.error()}};
    auto const phase = observe(directory, record.value());
    if (phase != Phase::stopped && force == Force::no)
        return Error{Code::failed_precondition, "cannot delete container \"" + id + "\": it is " + std::string{to_string(phase)} +
                                                    ", not stopped (--force kills it)"};
    TRY(kill_processes(globals, record.value()));
    TRY(remove_rdt_class(globals, record.value()));
    run_poststop(globals, directory, record.value());
    return directory.remove();
}

} // namespace nova::runtime
