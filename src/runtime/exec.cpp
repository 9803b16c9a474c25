#include "runtime/exec.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include "base/strings.h"
#include "base/undo.h"
#include "runtime/channel.h"
#include "runtime/devices.h"
#include "runtime/exec_cgroup.h"
#include "runtime/intel_rdt.h"
#include "runtime/launch.h"
#include "runtime/pid_file.h"
#include "runtime/process.h"
#include "runtime/state.h"
#include "runtime/terminal_relay.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/memfd.h"
#include "sys/namespace.h"
#include "sys/own_process.h"
#include "sys/pidfd.h"
#include "sys/proc.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

/// All that the new process needs; made before the clone.
struct ExecPlan {
    explicit ExecPlan(const ExecRequest& wish) : request(wish) {}

    const ExecRequest& request;
    oci::Config config;
    Record record;
    sys::UniqueFd init;      ///< pidfd of the container's first process: whose namespaces to enter.
    sys::UniqueFd host_proc; ///< The host's /proc: inside, /proc may be anything.
    EntryCgroup cgroup;
    sys::UniqueFd console_socket;
    SeccompFilter seccomp;
};

int namespaces_of(const oci::Linux& config)
{
    constexpr std::array<std::pair<std::string_view, int>, 8> types{{{"mount", CLONE_NEWNS},
                                                                     {"pid", CLONE_NEWPID},
                                                                     {"network", CLONE_NEWNET},
                                                                     {"ipc", CLONE_NEWIPC},
                                                                     {"uts", CLONE_NEWUTS},
                                                                     {"user", CLONE_NEWUSER},
                                                                     {"cgroup", CLONE_NEWCGROUP},
                                                                     {"time", 0x80}}};
    int flags = 0;
    for (const auto& entry : config.namespaces)
        for (const auto& [name, type] : types)
            if (name == entry.type)
                flags |= type;
    return flags;
}

Status send_exec_listener(void* context, const sys::UniqueFd& listener)
{
    return static_cast<Channel*>(context)->send(Note::listener, {}, listener.get());
}

/// The new process: already in the container's namespaces.
class Entrant {
public:
    Entrant(const ExecPlan& plan, Channel& channel) : plan_(plan), process_(plan.request.process), channel_(channel) {}

    Status run()
    {
        TRY(sys::set_parent_death_signal(SIGKILL));
        TRY(sys::new_session());
        TRY(sys::set_dumpable(sys::Dumpable::no));
        TRY(sys::join_cgroups(plan_.cgroup.tasks));
        TRY(settle_affinity());
        TRY(take_on_character(plan_.config.platform));
        auto const proc_self = TRY(sys::open_proc_self(plan_.host_proc.get()));
        if (process_.oom_score_adj)
            TRY(sys::set_oom_score(proc_self.get(), *process_.oom_score_adj).context("process.oomScoreAdj"));
        TRY(make_terminal());
        failure_note_ = Note::unfit;
        TRY(check_working_directory());
        auto const executable = TRY(find_executable(process_));
        failure_note_ = Note::failed;
        TRY(channel_.send(Note::ready));
        TRY(channel_.expect(Note::proceed));
        TRY(sys::set_parent_death_signal(0));
        ProcessPlan const process{.process = process_,
                                  .seccomp = plan_.config.platform.seccomp ? &plan_.seccomp : nullptr,
                                  .executable = executable,
                                  .env = with_home(process_.env, process_.user.uid),
                                  .proc_self = proc_self.get(),
                                  .preserve_fds = plan_.request.preserve_fds,
                                  .new_keyring = false,
                                  .keyring = {},
                                  .in_user_namespace = (namespaces_of(plan_.config.platform) & CLONE_NEWUSER) != 0,
                                  .keep_groups = wants_original_groups(plan_.config),
                                  .send_listener = send_exec_listener,
                                  .listener_context = &channel_};
        TRY(settle_process(process));
        TRY(confine_process(process));
        failure_note_ = Note::unfit;
        return execute_program(process);
    }

    Note failure_note() const { return failure_note_; } ///< What a failed run() failed at.

private:
    Status settle_affinity() const
    {
        const auto& wish = process_.exec_cpu_affinity;
        if (!wish)
            return sys::reset_cpu_affinity();
        return wish->final.empty() ? done() : sys::set_cpu_affinity(wish->final).context("process.execCPUAffinity");
    }

    /// One that is not there is not made, as at a container's start: whoever asks for it is told.
    Status check_working_directory() const
    {
        auto const opened = sys::open_file(process_.cwd, O_PATH | O_DIRECTORY);
        if (base::failed_with(opened, Code::not_found) || (!opened.ok() && opened.error().errnum() == ENOTDIR))
            return Error{Code::failed_precondition,
                         "process.cwd: enter " + process_.cwd +
                             ": there is no such directory in the container: No such file or directory"};
        return done(); // One that only its user may enter is for later.
    }

    Status make_terminal()
    {
        if (!process_.terminal)
            return done();
        sys::RootDirectory const root{TRY(sys::open_file("/", O_PATH | O_DIRECTORY))};
        auto terminal = TRY(open_terminal(root, process_));
        if (plan_.console_socket)
            TRY(send_descriptor(plan_.console_socket.get(), "/dev/pts/ptmx", terminal.master)
                    .context("send the terminal to the console socket"));
        else
            TRY(channel_.send(Note::terminal, {}, terminal.master.get()));
        terminal.master.reset();
        return use_terminal(terminal.slave);
    }

    const ExecPlan& plan_;
    const oci::Process& process_;
    Channel& channel_;
    Note failure_note_ = Note::failed;
};

void close_foreign_descriptors(const ExecPlan& plan, const Channel& channel)
{
    std::vector<int> kept{channel.fd(), plan.host_proc.get(), plan.console_socket.get()};
    for (const auto& tasks : plan.cgroup.tasks)
        kept.push_back(tasks.get());
    sys::close_all_but(3 + plan.request.preserve_fds, std::move(kept));
}

/// The process in between: enters, and makes the new process as our child.
[[noreturn]] void be_between(const ExecPlan& plan, Channel channel)
{
    auto const result = [&]() -> Status {
        TRY(sys::set_dumpable(sys::Dumpable::no)); // From here on the container may see us.
        TRY(sys::enter_namespace(plan.init.get(), namespaces_of(plan.config.platform)).context("enter the container"));
        auto const cloned = TRY(sys::clone_process(CLONE_PARENT));
        if (cloned.pid == 0) {
            close_foreign_descriptors(plan, channel);
            Entrant entrant{plan, channel};
            auto const failed = entrant.run();
            channel.send_failure(failed.error(), entrant.failure_note());
            sys::exit_now(1);
        }
        return channel.send(Note::cloned, {}, cloned.pidfd.get());
    }();
    if (!result.ok())
        channel.send_failure(result.error());
    sys::exit_now(result.ok() ? 0 : 1);
}

Result<ExecPlan> make_plan(const Globals& globals, const ExecRequest& request)
{
    auto const directory = TRY(StateDirectory::open(globals.root, request.id));
    ExecPlan plan{request};
    plan.record = TRY(directory.read());
    auto const phase = observe(directory, plan.record);
    bool const runs = phase == Phase::running || phase == Phase::created || (phase == Phase::paused && request.ignore_paused);
    if (!runs)
        return Error{Code::failed_precondition,
                     "cannot exec in container \"" + request.id + "\": it is " + std::string{to_string(phase)}};
    auto const config_text = TRY(directory.read_config());
    SeccompCache seccomp_cache{globals.seccomp_cache()};
    plan.config = TRY(oci::parse_config(config_text, [&](std::string_view text) { return knows_whole(seccomp_cache, text); }));
    plan.init = TRY(open_process(plan.record));
    plan.host_proc = TRY(sys::open_proc());
    if (!plan.record.cgroup.empty())
        plan.cgroup = TRY(open_entry_cgroup(plan.record, request.cgroups));
    if (plan.config.platform.seccomp)
        plan.seccomp = TRY(compile_profile(*plan.config.platform.seccomp, seccomp_cache));
    if (!request.console_socket.empty())
        plan.console_socket = TRY(sys::connect_unix(request.console_socket, sys::SocketKind::stream).context("--console-socket"));
    return plan;
}

Status tell_pid(const ExecRequest& request, const Executed& executed)
{
    if (!request.pidfd_socket.empty())
        TRY(send_pidfd(request.pidfd_socket, executed.pidfd));
    if (request.pid_file.empty())
        return done();
    auto const pid = TRY(sys::pid_of(executed.pidfd.get()));
    return write_pid_file(request.pid_file, pid).context("--pid-file");
}

/// Follows the process until its program took over.
Status follow(const ExecPlan& plan, Channel& channel, Executed& executed)
{
    const auto& seccomp = plan.config.platform.seccomp;
    sys::UniqueFd agent;
    while (true) {
        auto received = TRY(channel.receive());
        switch (received.note) {
        case Note::terminal:
            executed.terminal = std::move(received.fds.at(0));
            keep_line_ends(executed.terminal);
            break;
        case Note::listener: {
            auto const pid = TRY(sys::pid_of(executed.pidfd.get()));
            TRY(deliver_listener(agent, *seccomp, {plan.record, Phase::running, pid}, received.fds.at(0)));
            break;
        }
        case Note::ready:
            if (seccomp)
                agent = TRY(connect_agent(*seccomp));
            TRY(tell_pid(plan.request, executed));
            TRY(channel.send(Note::proceed));
            break;
        case Note::ended: return done();
        case Note::unfit: executed.unfit = received.error(); return done();
        default: return received.error();
        }
    }
}

/// Version 2: born in the cgroup, which its child inherits. From inside the container's namespaces nobody may join it: what is
/// above is another's (nsdelegate), and its files belong to a user that is not known there.
Result<sys::Cloned> clone_between(const EntryCgroup& cgroup)
{
    auto cloned = sys::clone_process(0, cgroup.directory.get());
    if (cloned.ok() || !cgroup.directory)
        return cloned;
    return std::move(cloned).take_error().context("adding pid of the new process to cgroups of the container");
}

} // namespace

Result<Executed> execute_in(const Globals& globals, const ExecRequest& request)
{
    auto const plan = TRY(make_plan(globals, request));
    auto [ours, theirs] = TRY(Channel::create());
    // The child has it from us: it may be born in its cgroup, and "initial" is for the time before that.
    if (request.process.exec_cpu_affinity && !request.process.exec_cpu_affinity->initial.empty())
        TRY(sys::set_cpu_affinity(request.process.exec_cpu_affinity->initial).context("process.execCPUAffinity"));
    auto const middle = TRY(clone_between(plan.cgroup));
    if (middle.pid == 0) {
        ours.close();
        be_between(plan, std::move(theirs));
    }
    theirs.close();
    auto first = ours.expect_out_of_turn(Note::cloned);
    (void)sys::wait_pidfd(middle.pidfd.get(), Deadline::never());
    auto note = TRY(std::move(first));
    Executed executed{std::move(note.fds.at(0)), {}, {}};
    base::Undo undo;
    undo.add([&] {
        (void)sys::signal_pidfd(executed.pidfd.get(), SIGKILL);
        (void)sys::wait_pidfd(executed.pidfd.get(), Deadline::after(std::chrono::seconds{10}));
    });
    if (!plan.record.rdt.name.empty())
        TRY(join_rdt_class(globals, plan.record, TRY(sys::pid_of(executed.pidfd.get()))));
    sys::let_go_of_seal(); // From here on we mostly wait.
    TRY(follow(plan, ours, executed));
    if (executed.unfit)
        (void)sys::wait_pidfd(executed.pidfd.get(), Deadline::after(std::chrono::seconds{10})); // It ends by itself.
    undo.commit();
    return executed;
}

} // namespace nova::runtime
