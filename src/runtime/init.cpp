#include "runtime/init.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/cgroups.h"
#include "runtime/devices.h"
#include "runtime/hidden_paths.h"
#include "runtime/hooks.h"
#include "runtime/mounts.h"
#include "runtime/sysctls.h"
#include "sys/cgroup.h"
#include "sys/default_signals.h"
#include "sys/file.h"
#include "sys/mount_api.h"
#include "sys/namespace.h"
#include "sys/netns.h"
#include "sys/own_process.h"
#include "sys/proc.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

/// Carries what one step leaves for a later one.
class Init {
public:
    Init(const InitPlan& plan, Channel& channel)
        : plan_(plan), config_(plan.config), channel_(channel), cgroups_{plan.record, plan.namespaces.fresh_cgroup, {}}
    {}

    Status run()
    {
        TRY(begin());
        TRY(build_root());
        TRY(join_own_cgroup());
        TRY(settle());
        return may_settle_early() ? go_on_at_once() : go_on_when_told();
    }

    bool hook_failed() const { return hook_failed_; }

private:
    Status begin();
    Status build_root();
    std::size_t first_late_mount() const;
    Status make_mounts(sys::RootDirectory& root, std::size_t first, std::size_t end);
    Status make_terminal(const sys::RootDirectory& root);
    bool has_early_hooks() const;
    Status run_early_hooks();
    Status join_own_network();
    Status run_own_hooks(std::string_view kind, const std::vector<oci::Hook>& hooks, Phase phase);
    Status join_own_cgroup();
    Status make_cgroup_namespace();
    Status settle();
    Status await_record();
    bool may_settle_early() const;
    Status go_on_at_once();
    Status go_on_when_told();
    Status set_names();
    Status wait_for_start_command();
    std::vector<std::string> environment() const;
    ProcessPlan process_plan();

    const InitPlan& plan_;
    const oci::Config& config_;
    Channel& channel_;
    CgroupView cgroups_;
    sys::UniqueFd proc_self_;
    Terminal terminal_;
    std::string executable_;
    bool in_cgroup_ = false;
    bool in_network_ = false;
    bool hook_failed_ = false;
};

Status Init::begin()
{
    // Until the parent has written our record nobody could find us: die with it.
    TRY(sys::set_parent_death_signal(SIGKILL));
    TRY(sys::new_session());
    if (plan_.namespaces.has(CLONE_NEWUSER)) {
        if (!plan_.namespaces.joins(CLONE_NEWUSER))
            TRY(channel_.expect(Note::proceed)); // Our ids are mapped now.
        TRY(sys::set_user(0, 0, {}, sys::Groups::keep).context("become root of the user namespace"));
        TRY(sys::set_parent_death_signal(SIGKILL)); // A change of user has cleared it.
    }
    TRY(sys::set_dumpable(sys::Dumpable::no));
    proc_self_ = TRY(sys::open_proc_self(plan_.host_proc.get()));
    if (config_.process->oom_score_adj)
        TRY(sys::set_oom_score(proc_self_.get(), *config_.process->oom_score_adj).context("process.oomScoreAdj"));
    return done();
}

/// Late, and in one step with what depends on it: the parent makes it while we mount.
Status Init::join_own_network()
{
    if (in_network_)
        return done();
    in_network_ = true;
    if (plan_.network_follows) {
        auto const note = TRY(channel_.expect(Note::network));
        TRY(sys::enter_netns(note.fds.at(0).get()));
    }
    if ((plan_.namespaces.fresh & CLONE_NEWNET) != 0)
        TRY(sys::raise_loopback()); // Programs count on it. By us: the parent makes the cgroup meanwhile.
    return apply_sysctls(config_.platform, plan_.host_proc.get());
}

Status Init::build_root()
{
    auto root = TRY(open_rootfs(plan_.rootfs, config_));
    HiddenPaths hidden{root, config_.platform};
    auto const late = first_late_mount();
    TRY(make_mounts(root, 0, late));
    TRY(make_devices(root, config_, plan_.nodes));
    TRY(make_terminal(root));
    TRY(finish_dev(root, config_));
    if (!has_early_hooks())
        TRY(hidden.hide_in_proc());
    TRY(make_mounts(root, late, config_.mounts.size()));
    TRY(join_own_network());
    TRY(run_early_hooks());
    TRY(root.ensure_directory(config_.process->cwd).context("process.cwd")); // While the root can be written.
    if (config_.read_only_rootfs)
        TRY(make_rootfs_read_only(root));
    TRY(hidden.hide_rest());
    return enter_rootfs(root, config_, plan_.rootfs, plan_.root_switch);
}

/// From where on all mounts show the network and the cgroups, which the parent makes meanwhile, and lie where nothing else does:
/// what follows the mounts can be done before, in the time that we would wait.
std::size_t Init::first_late_mount() const
{
    auto const in_sys = [](const std::string& path) { return (sys::clean_path(path) + "/").starts_with("sys/"); };
    const auto& devices = config_.platform.devices;
    if (std::any_of(devices.begin(), devices.end(), [&](const auto& device) { return in_sys(device.path); }))
        return config_.mounts.size();
    auto first = config_.mounts.size();
    for (; first > 0; --first)
        if (const auto& mount = config_.mounts[first - 1];
            !in_sys(mount.destination) || (mount.type != "sysfs" && !is_cgroup_mount(mount)))
            break;
    return first;
}

Status Init::make_mounts(sys::RootDirectory& root, std::size_t first, std::size_t end)
{
    MountContext const context{root, config_, plan_.bundle, plan_.prepared_mounts, cgroups_};
    for (std::size_t i = first; i < end; ++i) {
        if (config_.mounts[i].type == "sysfs")
            TRY(join_own_network()); // What is mounted shows the network we are in; and the cgroup.
        if (is_cgroup_mount(config_.mounts[i]))
            TRY(join_own_cgroup());
        TRY(make_mount(context, i).context("mounts[" + std::to_string(i) + "]"));
    }
    return done();
}

Status Init::make_terminal(const sys::RootDirectory& root)
{
    if (!config_.process->terminal)
        return done();
    terminal_ = TRY(make_console(root, *config_.process));
    if (plan_.console_socket)
        TRY(send_descriptor(plan_.console_socket.get(), "/dev/console", terminal_.master)
                .context("send the terminal to the console socket"));
    else if (plan_.send_terminal)
        TRY(channel_.send(Note::terminal, {}, terminal_.master.get()));
    terminal_.master.reset();
    return use_terminal(terminal_.slave);
}

bool Init::has_early_hooks() const
{
    const auto& hooks = config_.hooks;
    return !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty();
}

Status Init::run_early_hooks()
{
    const auto& hooks = config_.hooks;
    if (!hooks.prestart.empty() || !hooks.create_runtime.empty() || !config_.platform.net_devices.empty()) {
        TRY(channel_.send(Note::mounted));
        TRY(channel_.expect_out_of_turn(Note::proceed)); // Our cgroup may have come before.
    }
    return run_own_hooks("createContainer", hooks.create_container, Phase::creating);
}

/// Hooks that run in our namespaces are told of us by the number that we have in these.
Status Init::run_own_hooks(std::string_view kind, const std::vector<oci::Hook>& hooks, Phase phase)
{
    if (hooks.empty())
        return done();
    auto record = plan_.record;
    record.pid = ::getpid();
    // Before the program they are in its place, and count on its variables.
    auto const unset = phase == Phase::created ? HookEnvironment{environment()} : HookEnvironment{};
    auto result = run_hooks(kind, hooks, state_json(record, phase), unset);
    hook_failed_ = !result.ok();
    return result;
}

/// Late: what is set up before is not the container's to pay for, so that a small memory limit suffices.
Status Init::join_own_cgroup()
{
    if (in_cgroup_)
        return done();
    in_cgroup_ = true;
    TRY(join_own_network()); // The parent gives them in this order.
    if (plan_.cgroup_follows)
        TRY(sys::join_cgroups(TRY(channel_.expect(Note::cgroup)).fds));
    else
        TRY(sys::join_cgroups(plan_.cgroup_tasks));
    return plan_.namespaces.fresh_cgroup ? make_cgroup_namespace() : done();
}

Status Init::make_cgroup_namespace()
{
    bool const shown = std::any_of(config_.mounts.begin(), config_.mounts.end(), is_cgroup_mount);
    if (shown && plan_.binds_hierarchies && sys::cgroup_layout() == sys::CgroupLayout::legacy)
        cgroups_.memberships = sys::read_proc_self(proc_self_.get(), "cgroup").value_or("");
    return sys::leave_namespaces(CLONE_NEWCGROUP).context("cgroup namespace");
}

Status Init::set_names()
{
    if (!config_.hostname.empty())
        TRY(sys::set_hostname(config_.hostname));
    if (!config_.domainname.empty())
        TRY(sys::set_domainname(config_.domainname));
    return take_on_character(config_.platform);
}

Status Init::settle()
{
    TRY(set_names());
    TRY(sys::reset_cpu_affinity()); // That of our caller is for our caller; its cgroup's set holds.
    TRY(take_own_null_device());
    executable_ = TRY(find_executable(*config_.process).context("process.args[0]"));
    return channel_.send(Note::ready);
}

/// Once our record is written we live by ourselves.
Status Init::await_record()
{
    TRY(channel_.expect(Note::proceed));
    return sys::set_parent_death_signal(0);
}

/// Nothing is left to do with our rights until the program, and the filter of its calls comes last: so all the rest can be done
/// while the parent writes our record.
bool Init::may_settle_early() const
{
    return plan_.start == StartMode::at_once && config_.hooks.start_container.empty() && config_.process->no_new_privileges;
}

Status Init::go_on_at_once()
{
    auto const plan = process_plan();
    TRY(settle_process(plan));
    TRY(await_record());
    TRY(confine_process(plan));
    return execute_program(plan);
}

Status Init::go_on_when_told()
{
    TRY(await_record());
    if (plan_.start == StartMode::later)
        TRY(wait_for_start_command());
    auto const plan = process_plan();
    TRY(settle_process(plan));
    TRY(confine_process(plan));
    // Last: what they run lies in the container's root, and may do no more than the program.
    TRY(run_own_hooks("startContainer", config_.hooks.start_container, Phase::created));
    return execute_program(plan);
}

/// `start` connects, says go, and hears our end of the line close with exec, or our error.
Status Init::wait_for_start_command()
{
    if (config_.process->apparmor_profile.empty() && config_.process->selinux_label.empty())
        proc_self_.reset(); // Only labels need it from here on; a way into the host's /proc shall not lie around.
    sys::close_all_but(3 + plan_.preserve_fds, {plan_.start_listener.get(), proc_self_.get(), channel_.fd()});
    sys::end_on_signals(); // Nothing else would end the init of a pid namespace but SIGKILL.
    channel_.close();      // Last: tells the parent that all else is closed, its lock of our record too.
    while (true) {
        auto connection = TRY(sys::accept_unix(plan_.start_listener.get()));
        if (!connection)
            continue;
        Channel starter{std::move(*connection)};
        auto const note = starter.expect(Note::proceed);
        channel_ = std::move(starter);
        return note.ok() ? done() : Status{Error{note.error()}};
    }
}

Status send_listener(void* context, const sys::UniqueFd& listener)
{
    auto& channel = *static_cast<Channel*>(context);
    return channel.send(Note::listener, {}, listener.get());
}

/// Socket activation (sd_listen_fds(3)): the variables count only for the process that LISTEN_PID names, which is us now.
std::vector<std::string> Init::environment() const
{
    auto env = with_home(config_.process->env, config_.process->user.uid);
    if (plan_.listen_fds == 0)
        return env;
    env.push_back("LISTEN_FDS=" + std::to_string(plan_.listen_fds));
    env.push_back("LISTEN_PID=" + std::to_string(::getpid()));
    if (const char* const names = std::getenv("LISTEN_FDNAMES"))
        env.push_back(std::string{"LISTEN_FDNAMES="} + names);
    return env;
}

ProcessPlan Init::process_plan()
{
    return {.process = *config_.process,
            .seccomp = plan_.has_seccomp ? &plan_.seccomp : nullptr,
            .executable = executable_,
            .env = environment(),
            .proc_self = proc_self_.get(),
            .preserve_fds = plan_.preserve_fds,
            .new_keyring = plan_.new_keyring,
            .keyring = "_ses." + plan_.id,
            .in_user_namespace = plan_.namespaces.has(CLONE_NEWUSER),
            .keep_groups = wants_original_groups(config_),
            .send_listener = send_listener,
            .listener_context = &channel_};
}

/// What the parent had open for itself is not for a process that will look out of a container.
void close_foreign_descriptors(const InitPlan& plan, const Channel& channel)
{
    std::vector<int> kept{channel.fd(), plan.host_proc.get(), plan.console_socket.get(), plan.start_listener.get()};
    for (const auto* const list : {&plan.cgroup_tasks, &plan.nodes})
        for (const auto& fd : *list)
            kept.push_back(fd.get());
    for (const auto& prepared : plan.prepared_mounts)
        kept.insert(kept.end(), {prepared.tree.get(), prepared.user_namespace.get()});
    sys::close_all_but(3 + plan.preserve_fds, std::move(kept));
}

} // namespace

void run_init(const InitPlan& plan, Channel channel)
{
    close_foreign_descriptors(plan, channel);
    Init init{plan, channel};
    auto const result = init.run();
    channel.send_failure(result.error(), init.hook_failed() ? Note::hook_failed : Note::failed);
    sys::exit_now(1);
}

} // namespace nova::runtime
